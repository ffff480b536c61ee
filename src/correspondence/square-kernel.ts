import {
	assign,
	bothBits,
	call,
	differs,
	either,
	equals,
	forEach,
	loadedByte,
	loadedFrom,
	product,
	quotient,
	smaller,
	storeAt,
	sum,
} from '../wasm/expressions.js';
import { compileKernel, get, I32, INT_BYTES } from '../wasm/module.js';
import type { BlockLayout } from './block-layout.js';
import type { ChooseKernel } from './choose-kernel.js';
import { CLASSES } from './frame-table.js';
import { GROUP, type ProductsKernel } from './products-kernel.js';
import { compileRankKernel, rankedKeys } from './rank-kernel.js';
import { UNCERTAIN } from './searched-frame.js';

/** Where nothing but the similarity is at stake, a fraction of the candidates is looked at. */
const FEWER = 8;

/** Byte addresses of a search's own arrays. */
export type SquareRoom = {
	/** Of the squares that were picked for a query square: records of their frames, and their numbers; twice as many as candidates. */
	readonly squareFrames: number;
	readonly squareNumbers: number;
	/** Of the blocks that were picked for a query block: the same. */
	readonly blockFrames: number;
	readonly blockNumbers: number;
	/** Of each of four query blocks: a count, and {@link rankedKeys} of the candidates. */
	readonly held: number;
	readonly positions: number;
	/** A list for the products kernel, twice as long as candidates, and room for its products. */
	readonly list: number;
	readonly products: number;
};

/**
 * Searches the blocks and cells of one query square in the squares that were picked for it. Where all of these certainly have one and
 * the same class, few of them are looked at.
 *
 * All arguments but `square`, a number, are byte addresses: `query` of the query's descriptors, `frames` of the first frame's record,
 * `positions` of `heldBytes` of picks among the groups of squares whose frames' records lie at `groupFrames` and whose first
 * squares' numbers at `groupFirsts`.
 */
export type SquareKernel = (
	square: number,
	query: number,
	frames: number,
	positions: number,
	heldBytes: number,
	groupFrames: number,
	groupFirsts: number,
) => void;

export type SquareCallees = {
	readonly multiply: ProductsKernel;
	readonly choose: ChooseKernel;
};

/** @param candidates blocks that a block is compared with cell by cell, at most */
export const compileSquareKernel = (
	memory: WebAssembly.Memory,
	{ rowLength, blocksAt }: BlockLayout,
	candidates: number,
	room: SquareRoom,
	{ multiply, choose }: SquareCallees,
): SquareKernel => {
	const [square, query, frames, positions, heldBytes, groupFrames, groupFirsts] = [0, 1, 2, 3, 4, 5, 6];
	const [at, place, group, frame, number, common, agree, looked, compared, part, block] = [
		7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	];
	const [MULTIPLY, RANK, CHOOSE] = [0, 1, 2];
	const callees = [multiply, compileRankKernel(memory, candidates), choose];
	const rowBytes = 2 * rowLength;
	const productBytes = INT_BYTES * GROUP * GROUP;
	const productsEnd = (listBytes: readonly number[]) =>
		sum(product(listBytes, productBytes / INT_BYTES), room.products);

	/** Names the picked squares, and finds out whether they agree. */
	const takeSquares = [
		...assign(agree, 1),
		...forEach(
			at,
			{ from: 0, until: get(heldBytes), step: INT_BYTES },
			assign(place, loadedFrom(sum(get(positions), get(at)))),
			assign(group, bothBits(get(place), -GROUP)),
			assign(frame, loadedFrom(sum(get(groupFrames), get(group)))),
			assign(number, sum(loadedFrom(sum(get(groupFirsts), get(group))), bothBits(get(place), GROUP - 1))),
			storeAt(sum(get(at), room.squareFrames), get(frame)),
			storeAt(sum(get(at), room.squareNumbers), get(number)),
			assign(place, loadedByte(sum(loadedFrom(get(frame), CLASSES), get(number)))),
			assign(common, either(get(at), get(common), get(place))),
			assign(agree, bothBits(get(agree), equals(get(place), get(common)), differs(get(place), UNCERTAIN))),
		),
	];
	const fewer = (most: number) => either(get(agree), INT_BYTES * Math.ceil(most / FEWER), INT_BYTES * most);
	const multiplyBlocks = [
		...assign(looked, smaller(get(heldBytes), fewer(2 * candidates))),
		...forEach(
			at,
			{ from: 0, until: get(looked), step: INT_BYTES },
			storeAt(
				sum(get(at), room.list),
				sum(
					loadedFrom(loadedFrom(sum(get(at), room.squareFrames))),
					product(loadedFrom(sum(get(at), room.squareNumbers)), GROUP * rowBytes),
					blocksAt,
				),
			),
		),
		...call(
			MULTIPLY,
			sum(get(query), product(get(square), GROUP * rowBytes), blocksAt),
			room.list,
			sum(get(looked), room.list),
			room.products,
		),
	];
	/** The blocks' products are needed again for the next block, so a block's picks are all made before cells are multiplied. */
	const pickBlocks = forEach(
		part,
		{ from: 0, until: INT_BYTES * GROUP, step: INT_BYTES },
		call(
			RANK,
			sum(product(get(part), GROUP), room.products),
			sum(product(get(part), GROUP), productsEnd(get(looked))),
			sum(get(part), room.held),
			sum(product(get(part), rankedKeys(candidates)), room.positions),
		),
	);
	const searchBlocks = forEach(
		part,
		{ from: 0, until: INT_BYTES * GROUP, step: INT_BYTES },
		assign(compared, smaller(loadedFrom(sum(get(part), room.held)), fewer(candidates))),
		forEach(
			at,
			{ from: 0, until: get(compared), step: INT_BYTES },
			assign(place, loadedFrom(sum(product(get(part), rankedKeys(candidates)), get(at), room.positions))),
			assign(group, bothBits(get(place), -GROUP)),
			assign(frame, loadedFrom(sum(get(group), room.squareFrames))),
			assign(
				number,
				sum(product(loadedFrom(sum(get(group), room.squareNumbers)), GROUP), bothBits(get(place), GROUP - 1)),
			),
			storeAt(sum(get(at), room.blockFrames), get(frame)),
			storeAt(sum(get(at), room.blockNumbers), get(number)),
			storeAt(sum(get(at), room.list), sum(loadedFrom(get(frame)), product(get(number), GROUP * rowBytes))),
		),
		assign(block, sum(product(get(square), GROUP), quotient(get(part), INT_BYTES))),
		call(
			MULTIPLY,
			sum(get(query), product(get(block), GROUP * rowBytes)),
			room.list,
			sum(get(compared), room.list),
			room.products,
		),
		call(
			CHOOSE,
			get(block),
			room.products,
			productsEnd(get(compared)),
			get(frames),
			room.blockFrames,
			room.blockNumbers,
		),
	);
	return compileKernel(
		{
			parameters: Array(7).fill(I32),
			locals: Array(11).fill(I32),
			callees,
			body: [...takeSquares, ...multiplyBlocks, ...pickBlocks, ...searchBlocks],
		},
		memory,
	);
};
