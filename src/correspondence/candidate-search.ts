import type { BlockLayout } from './block-layout.js';
import type { ChosenMatches } from './chosen-matches.js';
import { FrameTable } from './frame-table.js';
import type { MatcherMemory, StoredDescriptors } from './matcher-memory.js';
import { GROUP } from './products-kernel.js';
import { rankedKeys } from './rank-kernel.js';
import { compileSearchKernel, type SearchKernel } from './search-kernel.js';
import type { SearchedFrame } from './searched-frame.js';
import { compileSquareKernel } from './square-kernel.js';

/** Searches down the pyramid: squares of 4 x 4 cells, the blocks of 2 x 2 cells in the best squares, the cells of the best blocks. */
export class CandidateSearch {
	readonly #layout: BlockLayout;
	readonly #memory: MatcherMemory;
	readonly #frames: FrameTable;
	readonly #search: SearchKernel;

	/**
	 * @param memory gives room that it never gets back
	 * @param candidates see `BlockMatcherOptions`; twice as many squares are picked
	 */
	constructor(layout: BlockLayout, memory: MatcherMemory, candidates: number, { choose }: ChosenMatches) {
		const { multiply } = memory;
		this.#layout = layout;
		this.#memory = memory;
		this.#frames = new FrameTable(layout, memory);
		const arrays = arraysIn(memory, {
			...{ squareFrames: 2 * candidates, squareNumbers: 2 * candidates },
			...{ blockFrames: candidates, blockNumbers: candidates },
			...{ held: GROUP, positions: GROUP * rankedKeys(candidates) },
			...{ list: 2 * candidates, products: 2 * candidates * GROUP * GROUP },
			...{ squaresHeld: 1, squarePositions: rankedKeys(2 * candidates) },
		});
		const searchSquare = memory.compile(compileSquareKernel, layout, candidates, arrays, {
			multiply,
			choose,
		});
		this.#search = memory.compile(
			compileSearchKernel,
			layout,
			2 * candidates,
			{ held: arrays.squaresHeld, positions: arrays.squarePositions },
			{ multiply, searchSquare },
		);
	}

	/** Chooses for all cells of `query` among those of `frames`. */
	run(query: StoredDescriptors, frames: readonly SearchedFrame[]): void {
		const { squareRows, squareColumns } = this.#layout;
		const { first, end } = this.#frames.write(frames);
		const { list, listBytes, products } = this.#memory.reserve(
			(frames.length * squareRows * squareColumns) / GROUP,
		);
		this.#search(query.fine, first, end, list, listBytes, products);
	}
}

/** Addresses of arrays of so many 32-bit integers each. */
const arraysIn = <Name extends string>(
	memory: MatcherMemory,
	lengths: Readonly<Record<Name, number>>,
): Record<Name, number> => {
	const entries = Object.entries<number>(lengths);
	let at = memory.allocate(4 * entries.reduce((total, [, length]) => total + length, 0));
	return Object.fromEntries(
		entries.map(([name, length]) => {
			const address = at;
			at += 4 * length;
			return [name, address];
		}),
	) as Record<Name, number>;
};
