/** A frame's descriptors in a matcher's memory. */
export type StoredDescriptors = {
	readonly address: number;
	free(): void;
};

/** A frame to be searched, and how far around a cell. */
export type SearchedFrame = {
	readonly descriptors: StoredDescriptors;
	/** In cells (Chebyshev distance); each query sees at least these keys. `Infinity` for all. */
	readonly radius: number;
	/**
	 * [superblocks] the class that all cells of a superblock certainly have, or {@link UNCERTAIN}; see `BlockMatcher.certainSuperblocks`. Where all
	 * superblocks that resemble a query have the same class, a careful search among them could only find more of it.
	 */
	readonly certainSuperblocks?: Uint8Array | undefined;
};
