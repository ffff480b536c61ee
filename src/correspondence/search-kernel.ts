import {
	assign,
	bothBits,
	call,
	difference,
	either,
	forEach,
	isLess,
	isLessUnsigned,
	larger,
	loadedFrom,
	product,
	quotient,
	smaller,
	storeAt,
	sum,
} from '../wasm/expressions.js';
import { advance, compileKernel, get, I32, INT_BYTES, repeatWhile, when } from '../wasm/module.js';
import type { BlockLayout } from './block-layout.js';
import { REACH, RECORD_BYTES } from './frame-table.js';
import { GROUP, type ProductsKernel } from './products-kernel.js';
import { compileRankKernel } from './rank-kernel.js';
import type { SquareKernel } from './square-kernel.js';

/** Byte addresses of what was picked for a square. */
export type SearchRoom = {
	/** A count, and {@link rankedKeys} of the squares that are picked. */
	readonly held: number;
	readonly positions: number;
};

/**
 * One search of all query squares down the pyramid: for each group of four squares the groups of squares in its window, for each of
 * its squares the blocks and cells of the best.
 *
 * All arguments but `listBytes` are byte addresses: of the query's descriptors; of the frames' records, up to `framesEnd`
 * (exclusive, not empty); of a list of groups, behind which lie, each `listBytes` further, two more arrays of that size;
 * and of room for the products of all listed groups.
 */
export type SearchKernel = (
	query: number,
	frames: number,
	framesEnd: number,
	list: number,
	listBytes: number,
	products: number,
) => void;

export type SearchCallees = {
	readonly multiply: ProductsKernel;
	readonly searchSquare: SquareKernel;
};

/** @param picked squares that are picked for a square, at most */
export const compileSearchKernel = (
	memory: WebAssembly.Memory,
	{ squareRows, squareColumns, rowLength, squaresAt }: BlockLayout,
	picked: number,
	room: SearchRoom,
	{ multiply, searchSquare }: SearchCallees,
): SearchKernel => {
	const [query, frames, framesEnd, list, listBytes, products] = [0, 1, 2, 3, 4, 5];
	const [y, x, frame, reach, width, left, step, row, key, keyEnd, entry, member, square, productsEnd] = [
		6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
	];
	const [MULTIPLY, RANK, SQUARE] = [0, 1, 2];
	const callees = [multiply, compileRankKernel(memory, picked), searchSquare];
	const rowBytes = 2 * rowLength;

	const listRow = [
		...assign(key, sum(product(get(row), squareColumns), get(left))),
		...assign(keyEnd, sum(get(key), get(width))),
		...repeatWhile(
			storeAt(get(entry), sum(loadedFrom(get(frame)), product(get(key), rowBytes), squaresAt)),
			storeAt(sum(get(entry), get(listBytes)), get(frame)),
			storeAt(sum(get(entry), get(listBytes), get(listBytes)), get(key)),
			advance(entry, INT_BYTES),
			advance(key, GROUP),
			isLess(get(key), get(keyEnd)),
		),
	];
	const listFrame = [
		...assign(reach, loadedFrom(get(frame), REACH)),
		...assign(width, smaller(bothBits(sum(product(get(reach), 2), 2 * GROUP - 1), -GROUP), squareColumns)),
		...assign(
			left,
			smaller(larger(difference(get(x), get(reach)), 0), difference(squareColumns, get(width))),
		),
		...forEach(
			step,
			{ from: 0, until: sum(product(get(reach), 2), 1), step: 1 },
			// 0, -1, 1, -2, 2, ...
			assign(row, quotient(sum(get(step), 1), 2)),
			assign(row, sum(get(y), either(bothBits(get(step), 1), difference(0, get(row)), get(row)))),
			// Also false above the first row.
			isLessUnsigned(get(row), squareRows),
			when(listRow),
		),
	];
	/** Near rows of near frames first: they hold most of the best squares, and what comes late is soon refused. */
	const listSquares = [
		...assign(entry, get(list)),
		...assign(frame, get(framesEnd)),
		...repeatWhile(advance(frame, -RECORD_BYTES), listFrame, isLess(get(frames), get(frame))),
	];
	const searchGroup = [
		...assign(square, sum(product(get(y), squareColumns), get(x))),
		...call(
			MULTIPLY,
			sum(get(query), product(get(square), rowBytes), squaresAt),
			get(list),
			get(entry),
			get(products),
		),
		...assign(productsEnd, sum(get(products), product(difference(get(entry), get(list)), GROUP * GROUP))),
		...forEach(
			member,
			{ from: 0, until: INT_BYTES * GROUP, step: INT_BYTES },
			call(
				RANK,
				sum(get(products), product(get(member), GROUP)),
				sum(get(productsEnd), product(get(member), GROUP)),
				...[room.held, room.positions],
			),
			call(
				SQUARE,
				sum(get(square), quotient(get(member), INT_BYTES)),
				get(query),
				get(frames),
				room.positions,
				loadedFrom(room.held),
				sum(get(list), get(listBytes)),
				sum(get(list), get(listBytes), get(listBytes)),
			),
		),
	];
	return compileKernel(
		{
			parameters: Array(6).fill(I32),
			locals: Array(14).fill(I32),
			callees,
			body: forEach(
				y,
				{ from: 0, until: squareRows, step: 1 },
				forEach(x, { from: 0, until: squareColumns, step: GROUP }, listSquares, searchGroup),
			),
		},
		memory,
	);
};
