import type { UnderstoodEdit } from '../jobs/propagate-edit.js';
import type { UnderstoodMask } from '../masks/read-keyframes.js';
import type { MaskType } from '../media/mask-meaning/meaning.js';

/** A share of 0..1 in whole per cent. */
const percent = (share: number): string =>
	share > 0 && share < 0.01 ? 'less than 1 %' : `${Math.round(share * 100)} %`;

const typeNames: Readonly<Record<MaskType, string>> = {
	ids: 'by ids',
	binary: 'black and white',
	colour: 'by colour',
	alpha: 'what is opaque',
};

/** As a person reads it: `1 object, 12 % of the frame (black and white)`. */
export const describeMask = ({ maskType, objects, share, remark }: UnderstoodMask): string => {
	const shown = objects.slice(0, 8).map(({ id, share: own }) => `${id}: ${percent(own)}`);
	const each =
		objects.length > 1 ? ` (${shown.join(', ')}${objects.length > shown.length ? ', …' : ''})` : '';
	return objects.length === 0
		? 'no object: nothing is to be seen there'
		: `${objects.length} object${objects.length === 1 ? '' : 's'}${each}, ${percent(share)} of the frame, ${typeNames[maskType]}${remark === undefined ? '' : `; ${remark}`}`;
};

/** As a person reads it: `a layer over 3 % of the frame`. */
export const describeEdit = ({ frame, kind, share }: UnderstoodEdit): string =>
	kind === 'layer'
		? `a layer over ${percent(share)} of frame ${frame}`
		: `frame ${frame} with ${percent(share)} of it changed`;
