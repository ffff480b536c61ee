import { type BlockLayout, blockNumber } from './block-layout.js';
import type { ChosenMatches } from './chosen-matches.js';
import { FrameTable, RECORD_BYTES } from './frame-table.js';
import type { MatcherMemory, StoredDescriptors } from './matcher-memory.js';
import { GROUP } from './products-kernel.js';
import type { SearchedFrame } from './searched-frame.js';

/** Compares every block with all in its window, cell by cell. */
export class ExactSearch {
	readonly #layout: BlockLayout;
	readonly #memory: MatcherMemory;
	readonly #frames: FrameTable;
	readonly #chosen: ChosenMatches;

	constructor(layout: BlockLayout, memory: MatcherMemory, chosen: ChosenMatches) {
		this.#layout = layout;
		this.#memory = memory;
		this.#frames = new FrameTable(layout, memory);
		this.#chosen = chosen;
	}

	/** Chooses for all cells of `query` among those of `frames`. */
	run(query: StoredDescriptors, frames: readonly SearchedFrame[]): void {
		const { squareRows, squareColumns, rowLength } = this.#layout;
		const blockRows = 2 * squareRows;
		const blockColumns = 2 * squareColumns;
		const blockBytes = 2 * GROUP * rowLength;
		const { first } = this.#frames.write(frames);
		const { list, listBytes, products } = this.#memory.reserve(frames.length * blockRows * blockColumns);
		// What the kernels are told of each listed block: the address of its rows, its frame's record, its number.
		const lists = new Int32Array(this.#memory.buffer, list, 3 * (listBytes / 4));
		const [owners, numbers] = [listBytes / 4, 2 * (listBytes / 4)];
		for (let y = 0; y < blockRows; y++) {
			for (let x = 0; x < blockColumns; x++) {
				let count = 0;
				for (const [owner, { descriptors, radius }] of frames.entries()) {
					const reach = Math.min(Math.ceil(radius / 2), blockRows + blockColumns);
					for (let ky = Math.max(0, y - reach); ky <= Math.min(blockRows - 1, y + reach); ky++) {
						const end = Math.min(blockColumns - 1, x + reach);
						for (let kx = Math.max(0, x - reach); kx <= end; kx++) {
							const key = blockNumber(ky, kx, squareColumns);
							lists[count] = descriptors.fine + key * blockBytes;
							lists[owners + count] = first + owner * RECORD_BYTES;
							lists[numbers + count++] = key;
						}
					}
				}
				const block = blockNumber(y, x, squareColumns);
				const productsEnd = products + 4 * GROUP * GROUP * count;
				this.#memory.multiply(query.fine + block * blockBytes, list, list + 4 * count, products);
				this.#chosen.choose(block, products, productsEnd, first, list + listBytes, list + 2 * listBytes);
			}
		}
	}
}
