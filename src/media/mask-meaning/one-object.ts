import type { Size } from '../../core/size.js';
import { davisPalette } from '../davis-palette.js';
import type { MaskMeaning } from './meaning.js';

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
