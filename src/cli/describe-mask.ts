import type { UnderstoodMask } from '../masks/read-keyframes.js';
import type { MaskType } from '../media/mask-meaning/meaning.js';
import { percent } from './percent.js';

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
