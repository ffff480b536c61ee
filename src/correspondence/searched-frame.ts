import type { StoredDescriptors } from './matcher-memory.js';

/** A frame to be searched, and how far around a cell. */
export type SearchedFrame = {
	readonly descriptors: StoredDescriptors;
	/** In cells (Chebyshev distance); each query sees at least these keys. `Infinity` for all. */
	readonly radius: number;
	/**
	 * [cells] the class that a cell certainly has, or {@link UNCERTAIN}. Where all squares that resemble a query have the same
	 * class, a careful search among them could only find more votes for it.
	 */
	readonly certain?: Uint8Array | undefined;
};

/** Marks cells that no class has for certain. */
export const UNCERTAIN = 255;
