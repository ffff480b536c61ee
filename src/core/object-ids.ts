import type { LabelMap } from './frame.js';

/** The object ids of a mask in ascending order, background left out. */
export const objectIds = (mask: Pick<LabelMap, 'ids'>): number[] => {
	const { ids } = mask;
	const seen = new Uint8Array(256);
	// Not "for of", and four pixels at once: this looks at every pixel of every frame, and most are like those before.
	const aligned = ids.byteOffset % 4 === 0 ? ids : ids.slice();
	const fours = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
	let previous = 0;
	seen[0] = 1;
	for (let at = 0; at < fours.length; at++) {
		const four = fours[at]!;
		if (four !== previous) {
			previous = four;
			mark(seen, aligned, 4 * at, 4 * at + 4);
		}
	}
	mark(seen, aligned, 4 * fours.length, aligned.length);
	return Array.from(seen.keys()).filter((id) => id > 0 && seen[id] === 1);
};

const mark = (seen: Uint8Array, ids: Uint8Array, from: number, to: number): void => {
	for (let pixel = from; pixel < to; pixel++) {
		seen[ids[pixel]!] = 1;
	}
};
