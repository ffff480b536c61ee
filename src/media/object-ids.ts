import type { LabelMap } from './frame.js';

/** The object ids of a mask in ascending order, background left out. */
export const objectIds = (mask: LabelMap): number[] => {
	const { ids } = mask;
	const seen = new Uint8Array(256);
	// Not "for of": an iterator is ten times slower, and this looks at every pixel of every frame.
	for (let pixel = 0; pixel < ids.length; pixel++) {
		seen[ids[pixel] as number] = 1;
	}
	return Array.from(seen.keys()).filter((id) => id > 0 && seen[id] === 1);
};
