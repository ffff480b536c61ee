import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';

/** An image as matching sees it: its size in pixels as displayed, and its descriptors. */
export type DescribedImage = {
	readonly width: number;
	readonly height: number;
	readonly map: DescriptorMap;
};
