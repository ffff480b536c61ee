import type { MaskPixels } from './meaning.js';

export const rgbOf = (mask: MaskPixels): Uint8Array => {
	if (mask.kind === 'colours') {
		return mask.rgb;
	}
	const rgb = new Uint8Array(mask.width * mask.height * 3);
	for (let pixel = 0; pixel < rgb.length / 3; pixel++) {
		if (mask.kind === 'indices') {
			const index = mask.indices[pixel]!;
			rgb.set(mask.palette.subarray(index * 3, index * 3 + 3), pixel * 3);
		} else {
			rgb.fill(Math.round((mask.values[pixel]! * 255) / mask.white), pixel * 3, pixel * 3 + 3);
		}
	}
	return rgb;
};

export const alphaOf = (mask: MaskPixels): Uint8Array | undefined =>
	mask.kind === 'indices'
		? mask.opacity.some((value) => value < 255)
			? Uint8Array.from(mask.indices, (index) => mask.opacity[index] ?? 255)
			: undefined
		: mask.alpha;
