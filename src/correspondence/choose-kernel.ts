import {
	assign,
	bothBits,
	call,
	difference,
	differs,
	forEach,
	isNotLess,
	loadedFrom,
	product,
	quotient,
	scaledFloat,
	storeAt,
	storeFloatAt,
	sum,
	type Value,
} from '../wasm/expressions.js';
import { type Code, compileKernel, get, I32, INT_BYTES, when } from '../wasm/module.js';
import { compileBestKernel } from './best-kernel.js';
import { SIMILARITY_ONE } from './block-layout.js';
import { RECORD_BYTES } from './frame-table.js';
import { compilePickKernel, NOTHING } from './pick-kernel.js';
import { GROUP } from './products-kernel.js';

/** Byte addresses of what the kernel reads and writes besides its arguments. */
export type ChooseRoom = {
	/** int32 [blocks, 4]: cell numbers, negative for cells that do not exist. */
	readonly cells: number;
	/** int32 [cells, k], and float32 of the same shape: the chosen matches, best first. */
	readonly owners: number;
	readonly indices: number;
	readonly similarities: number;
	/** Room for {@link chooseScratch} integers. */
	readonly scratch: number;
	/** Whether some blocks lack cells. */
	readonly lacksCells: boolean;
};

/** A count, k positions and k scores; for a single match the four cells' positions and scores. */
export const chooseScratch = (k: number): number => Math.max(2 * GROUP, 1 + 2 * k);

/**
 * Chooses the k best keys of the four cells of a query block, and writes them to the matches of these cells.
 *
 * All arguments but `block`, a number, are byte addresses: int32 [groups, 4 queries, 4 keys] from `products` to `productsEnd`
 * (exclusive, not empty), `frames` of the first frame's record, `blockFrames` of the records' addresses [groups] and
 * `blockNumbers` of the numbers [groups] of the key blocks.
 */
export type ChooseKernel = (
	block: number,
	products: number,
	productsEnd: number,
	frames: number,
	blockFrames: number,
	blockNumbers: number,
) => void;

export const compileChooseKernel = (
	memory: WebAssembly.Memory,
	k: number,
	room: ChooseRoom,
): ChooseKernel => {
	const [block, products, productsEnd, frames, blockFrames, blockNumbers] = [0, 1, 2, 3, 4, 5];
	const [member, cell, rank, group] = [6, 7, 8, 9];
	const existing = room.lacksCells ? room.cells : undefined;
	const isSingle = k === 1;
	const callees = [isSingle ? compileBestKernel(memory, existing) : compilePickKernel(memory, existing)];
	const [CALLEE] = [0];
	/** The cell of a block, from the block's number and the bytes before the cell's. */
	const cellOf = (number: Value, bytes: Value): Code =>
		loadedFrom(sum(product(number, INT_BYTES * GROUP), bytes, room.cells));

	/** Writes a match `to` bytes behind the first one. */
	const write = (position: Code, score: Code, to: Code): Code => [
		...assign(group, bothBits(position, -GROUP)),
		...storeAt(
			sum(to, room.owners),
			quotient(difference(loadedFrom(sum(get(blockFrames), get(group))), get(frames)), RECORD_BYTES),
		),
		...storeAt(
			sum(to, room.indices),
			cellOf(
				loadedFrom(sum(get(blockNumbers), get(group))),
				product(bothBits(position, GROUP - 1), INT_BYTES),
			),
		),
		...storeFloatAt(sum(to, room.similarities), scaledFloat(score, 1 / SIMILARITY_ONE)),
	];
	const bestScore = loadedFrom(sum(get(member), room.scratch), INT_BYTES * GROUP);
	const writeBest: Code = [
		...differs(bestScore, NOTHING),
		...when(write(loadedFrom(sum(get(member), room.scratch)), bestScore, product(get(cell), INT_BYTES))),
	];
	const [held, positions] = [room.scratch, room.scratch + INT_BYTES];
	const scores = positions + INT_BYTES * k;
	const pickAndWrite: Code = [
		...call(
			CALLEE,
			// A query's products are as far apart as there are keys in a group.
			sum(get(products), product(get(member), GROUP)),
			sum(get(productsEnd), product(get(member), GROUP)),
			...[held, positions, scores, INT_BYTES * k],
			get(blockNumbers),
		),
		...forEach(
			rank,
			{ from: 0, until: loadedFrom(held), step: INT_BYTES },
			write(
				loadedFrom(sum(get(rank), positions)),
				loadedFrom(sum(get(rank), scores)),
				sum(product(get(cell), INT_BYTES * k), get(rank)),
			),
		),
	];
	return compileKernel(
		{
			parameters: Array(6).fill(I32),
			locals: Array(4).fill(I32),
			callees,
			body: [
				...(isSingle ? call(CALLEE, get(products), get(productsEnd), room.scratch, get(blockNumbers)) : []),
				...forEach(
					member,
					{ from: 0, until: INT_BYTES * GROUP, step: INT_BYTES },
					assign(cell, cellOf(get(block), get(member))),
					isNotLess(get(cell), 0),
					when(isSingle ? writeBest : pickAndWrite),
				),
			],
		},
		memory,
	);
};
