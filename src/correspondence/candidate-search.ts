import type { BestMatches } from './best-matches.js';
import type { BlockLayout } from './block-layout.js';
import type { Candidates } from './candidates.js';
import type { MatcherMemory, StoredDescriptors } from './matcher-memory.js';
import { GROUP } from './products-kernel.js';
import { type SearchedFrame, UNCERTAIN } from './searched-frame.js';

/** Where nothing but the similarity is at stake, a fraction of the candidates is looked at. */
const FEWER = 8;

/** What a search picks goes here; made once for all searches in a memory. */
export type CandidateRoom = {
	readonly squares: Candidates;
	readonly blocks: Candidates;
	/** Blocks that a block is compared with cell by cell. */
	readonly most: number;
};

/**
 * One search down the pyramid: squares of 4 x 4 cells, the blocks of 2 x 2 cells in the best squares, the cells of the best blocks.
 * In steps of their own, because engines compile small functions once and large loops again and again.
 */
export class CandidateSearch {
	readonly #layout: BlockLayout;
	readonly #memory: MatcherMemory;
	readonly #query: StoredDescriptors;
	readonly #frames: readonly SearchedFrame[];
	readonly #most: number;
	readonly #best: BestMatches;
	readonly #rowBytes: number;
	readonly #list: Int32Array;
	readonly #products: Int32Array;
	/** Of each frame: [squares] the class that all cells of a square certainly have, or {@link UNCERTAIN}. */
	readonly #classes: readonly Uint8Array[];
	readonly #squares: Candidates;
	readonly #blocks: Candidates;
	/** Of each group of squares in the list: the frame, and the number of its first square. */
	readonly #groupOwners: Int32Array;
	readonly #groupFirsts: Int32Array;
	/** Of the squares, then of the blocks that are looked into: the frame, and the number of the square or block. */
	readonly #squareOwners: Int32Array;
	readonly #squareNumbers: Int32Array;
	readonly #blockOwners: Int32Array;
	readonly #blockNumbers: Int32Array;

	/**
	 * @param room as of `BlockMatcher`: for twice as many squares as blocks
	 */
	constructor(
		layout: BlockLayout,
		memory: MatcherMemory,
		query: StoredDescriptors,
		frames: readonly SearchedFrame[],
		{ squares, blocks, most }: CandidateRoom,
		best: BestMatches,
	) {
		const groups = (frames.length * layout.squareRows * layout.squareColumns) / GROUP;
		const { list, products } = memory.reserve(groups + 2 * most);
		this.#layout = layout;
		this.#memory = memory;
		this.#query = query;
		this.#frames = frames;
		this.#most = most;
		this.#best = best;
		this.#rowBytes = 2 * layout.rowLength;
		this.#list = list;
		this.#products = products;
		this.#classes = frames.map(({ certain }) => classesOfSquares(layout, certain));
		this.#squares = squares;
		this.#blocks = blocks;
		this.#groupOwners = new Int32Array(groups);
		this.#groupFirsts = new Int32Array(groups);
		this.#squareOwners = new Int32Array(2 * most);
		this.#squareNumbers = new Int32Array(2 * most);
		this.#blockOwners = new Int32Array(most);
		this.#blockNumbers = new Int32Array(most);
	}

	run(): void {
		const { squareRows, squareColumns } = this.#layout;
		for (let y = 0; y < squareRows; y++) {
			for (let x = 0; x < squareColumns; x += GROUP) {
				this.#searchGroup(y, x);
			}
		}
	}

	/** Four query squares that lie side by side. */
	#searchGroup(y: number, x: number): void {
		const count = this.#listSquares(y, x);
		const first = y * this.#layout.squareColumns + x;
		this.#memory.multiply(this.#query.squares + first * this.#rowBytes, count);
		this.#squares.pick(count);
		for (let member = 0; member < GROUP; member++) {
			this.#searchSquare(first + member, member);
		}
	}

	#searchSquare(square: number, member: number): void {
		const found = this.#takeSquares(member);
		const share = this.#agree(found) ? FEWER : 1;
		const looked = Math.min(found, Math.ceil((2 * this.#most) / share));
		for (let i = 0; i < looked; i++) {
			const { descriptors } = this.#frames[this.#squareOwners[i] as number] as SearchedFrame;
			this.#list[i] = descriptors.coarse + (this.#squareNumbers[i] as number) * GROUP * this.#rowBytes;
		}
		this.#memory.multiply(this.#query.coarse + square * GROUP * this.#rowBytes, looked);
		this.#blocks.pick(looked);
		const most = Math.ceil(this.#most / share);
		for (let part = 0; part < GROUP; part++) {
			this.#searchBlock(square * GROUP + part, part, most);
		}
	}

	/** Names the squares that were picked for a query; returns how many. */
	#takeSquares(member: number): number {
		const near = this.#squares.of(member);
		const found = this.#squares.held(member);
		for (let i = 0; i < found; i++) {
			const at = near[i] as number;
			this.#squareOwners[i] = this.#groupOwners[at >> 2] as number;
			this.#squareNumbers[i] = (this.#groupFirsts[at >> 2] as number) + (at & 3);
		}
		return found;
	}

	/** @param most how many of the picked blocks are compared cell by cell */
	#searchBlock(block: number, part: number, most: number): void {
		const nearest = this.#blocks.of(part);
		const compared = Math.min(this.#blocks.held(part), most);
		for (let i = 0; i < compared; i++) {
			const at = nearest[i] as number;
			const owner = this.#squareOwners[at >> 2] as number;
			const key = (this.#squareNumbers[at >> 2] as number) * GROUP + (at & 3);
			const { descriptors } = this.#frames[owner] as SearchedFrame;
			this.#list[i] = descriptors.fine + key * GROUP * this.#rowBytes;
			this.#blockOwners[i] = owner;
			this.#blockNumbers[i] = key;
		}
		this.#memory.multiply(this.#query.fine + block * GROUP * this.#rowBytes, compared);
		this.#best.choose(block, this.#products, compared, this.#blockOwners, this.#blockNumbers);
	}

	/** Whether the squares that were taken certainly have one and the same class. */
	#agree(count: number): boolean {
		let common = UNCERTAIN;
		for (let i = 0; i < count; i++) {
			const classes = this.#classes[this.#squareOwners[i] as number] as Uint8Array;
			const found = classes[this.#squareNumbers[i] as number] as number;
			if (found === UNCERTAIN || (i > 0 && found !== common)) {
				return false;
			}
			common = found;
		}
		return true;
	}

	/** Lists the groups of squares in the window of a group of squares; returns how many. */
	#listSquares(y: number, x: number): number {
		let count = 0;
		// Near rows of near frames first: they hold most of the best squares, and what comes late is soon refused.
		for (let owner = this.#frames.length - 1; owner >= 0; owner--) {
			count = this.#listFrame(owner, y, x, count);
		}
		return count;
	}

	#listFrame(owner: number, y: number, x: number, listed: number): number {
		const { squareRows, squareColumns } = this.#layout;
		const { descriptors, radius } = this.#frames[owner] as SearchedFrame;
		const reach = Math.min(Math.ceil(radius / 4), squareRows + squareColumns);
		const width = Math.min(squareColumns, Math.ceil((GROUP + 2 * reach) / GROUP) * GROUP);
		const left = Math.min(Math.max(0, x - reach), squareColumns - width);
		let count = listed;
		for (let step = 0; step <= 2 * reach; step++) {
			const ky = y + (step % 2 === 0 ? step / 2 : -(step + 1) / 2);
			if (ky < 0 || ky >= squareRows) {
				continue;
			}
			for (let kx = left; kx < left + width; kx += GROUP) {
				const key = ky * squareColumns + kx;
				this.#list[count] = descriptors.squares + key * this.#rowBytes;
				this.#groupOwners[count] = owner;
				this.#groupFirsts[count++] = key;
			}
		}
		return count;
	}
}

const classesOfSquares = ({ cells }: BlockLayout, certain: Uint8Array | undefined): Uint8Array => {
	const out = new Uint8Array(cells.length / 16).fill(UNCERTAIN);
	if (certain === undefined) {
		return out;
	}
	for (let square = 0; square < out.length; square++) {
		let common = -1;
		for (let at = 16 * square; at < 16 * (square + 1) && common !== UNCERTAIN; at++) {
			const cell = cells[at] as number;
			if (cell >= 0) {
				const found = certain[cell] as number;
				common = common === -1 || common === found ? found : UNCERTAIN;
			}
		}
		out[square] = common === -1 ? UNCERTAIN : common;
	}
	return out;
};
