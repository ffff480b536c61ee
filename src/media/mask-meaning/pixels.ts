import type { Size } from '../../core/size.js';
import { davisPalette } from '../davis-palette.js';
import type { MaskMeaning, MaskPixels } from './meaning.js';

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

/** Where a soft mask is cut: at half, or at half of its brightest where hardly anything is brighter than half. */
export const halfOf = (values: Uint8Array | Uint16Array, white: number): number => {
	let peak = 0;
	for (const value of values) {
		peak = Math.max(peak, value);
	}
	const lower = Math.max(0, (peak - 1) / 2);
	let [bright, marked] = [0, 0];
	for (const value of values) {
		bright += value > white / 2 ? 1 : 0;
		marked += value > lower ? 1 : 0;
	}
	return bright >= 0.25 * marked ? white / 2 : lower;
};

export const mark = (values: Uint8Array | Uint16Array, above: number): Uint8Array => {
	const ids = new Uint8Array(values.length);
	for (let at = 0; at < values.length; at++) {
		ids[at] = values[at]! > above ? 1 : 0;
	}
	return ids;
};

export const oneObject = (
	{ width, height }: Size,
	ids: Uint8Array,
	type: 'binary' | 'alpha',
	more: Pick<MaskMeaning, 'remark' | 'value'> = {},
): MaskMeaning => ({ width, height, ids, palette: davisPalette, type, knownBy: 'nothing', ...more });
