import { fromAlpha } from './alpha.js';
import { asAlpha, asBinary, asColours, asIds } from './as-told.js';
import { fromColours } from './colours.js';
import { fromGreys } from './greys.js';
import { fromIndices } from './indices.js';
import { type Answer, type MaskPixels, type MaskType, Unclear } from './meaning.js';
import { oneObject } from './pixels.js';

/**
 * Finds out what a mask means by where its values lie. See `docs/masks.md` for the rules.
 *
 * @param type what the person says that it is; found out when undefined
 */
export const understandMask = (mask: MaskPixels, type?: MaskType): Answer => {
	switch (type) {
		case undefined:
			return guess(mask);
		case 'ids':
			return asIds(mask);
		case 'binary':
			return asBinary(mask);
		case 'colour':
			return asColours(mask);
		case 'alpha':
			return asAlpha(mask);
	}
};

const guess = (mask: MaskPixels): Answer => {
	const alpha = meaningfulAlpha(mask);
	if (mask.kind === 'indices') {
		return fromIndices(mask);
	}
	if (alpha !== undefined) {
		return fromAlpha(mask, alpha);
	}
	const answer =
		mask.kind === 'grey' ? fromGreys(mask, mask.values, mask.white) : fromColours(mask, mask.rgb);
	// A faint picture on which nothing was painted yet.
	return answer instanceof Unclear && mask.alpha?.every((value) => value < 128) === true
		? oneObject(mask, new Uint8Array(mask.width * mask.height), 'alpha')
		: answer;
};

/** Nearly everywhere or nowhere opaque, or the same everywhere: then alpha says nothing. */
const meaningfulAlpha = ({ alpha }: MaskPixels): Uint8Array | undefined => {
	if (alpha === undefined) {
		return undefined;
	}
	let [least, most] = [255, 0];
	for (const value of alpha) {
		least = Math.min(least, value);
		most = Math.max(most, value);
	}
	return least >= 250 || (least === most && least > 0) ? undefined : alpha;
};
