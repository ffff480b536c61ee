import { backgroundOf, fromColours, greysOf } from './colours.js';
import { idsOf } from './ids.js';
import { indexObjects } from './indices.js';
import { distance, levelsOfColours, levelsOfGreys, lieOf, regionsOf } from './levels.js';
import { type Answer, highestSmallId, type MaskPixels, Unclear } from './meaning.js';
import { alphaOf, halfOf, mark, oneObject, rgbOf } from './pixels.js';

/** A mask whose meaning a person has told with `--mask-type`: its values are ids; it shows one object, and so on. */
export const asIds = (mask: MaskPixels): Answer => {
	switch (mask.kind) {
		case 'indices':
			return indexObjects(mask, mask.indices, [...new Set(mask.indices)]);
		case 'grey':
			return idsOf(mask, mask.values);
		case 'colours': {
			const greys = greysOf(mask.rgb, false);
			return greys === undefined
				? new Unclear('has colours, which are no ids', 'add --mask-type colour, or save it indexed or grey')
				: idsOf(mask, greys);
		}
	}
};

export const asBinary = (mask: MaskPixels): Answer => {
	const rgb = mask.kind === 'grey' ? undefined : rgbOf(mask);
	const values =
		mask.kind === 'grey'
			? mask.values
			: // The brightest channel: pure blue is as much paint as pure white.
				Uint8Array.from({ length: mask.width * mask.height }, (_, pixel) =>
					Math.max(...(rgb?.subarray(pixel * 3, pixel * 3 + 3) ?? [])),
				);
	const white = mask.kind === 'grey' ? mask.white : 255;
	const levels = levelsOfGreys(values, white, mask);
	if (rgb !== undefined && greysOf(rgb, mask.isLossy) === undefined) {
		const coloured = levelsOfColours(rgb, mask);
		const lie = lieOf(coloured);
		const background = backgroundOf(coloured, lie, regionsOf(coloured, lie, mask.isLossy));
		if (background !== undefined && coloured.values.length > 1) {
			const away = coloured.values.map((_, level) => distance(coloured, level, background));
			const half = Math.max(...away) / 2;
			return oneObject(
				mask,
				Uint8Array.from(coloured.at, (level) => ((away[level] ?? 0) >= half && half > 0 ? 1 : 0)),
				'binary',
			);
		}
	}
	const [darkest = 0] = levels.values;
	const brightest = levels.values.at(-1) ?? 0;
	if (levels.values.length <= 2) {
		return oneObject(mask, mark(values, levels.values.length === 1 ? 0 : darkest), 'binary');
	}
	return oneObject(
		mask,
		mark(
			values,
			brightest <= highestSmallId
				? 0
				: darkest <= white / 3
					? Math.max(halfOf(values, white), darkest)
					: white / 2,
		),
		'binary',
	);
};

export const asColours = (mask: MaskPixels): Answer => {
	const alpha = alphaOf(mask);
	const shows = alpha === undefined ? undefined : mark(alpha, halfOf(alpha, 255));
	return fromColours(mask, rgbOf(mask), shows?.includes(0) === true ? shows : undefined, 'colour');
};

export const asAlpha = (mask: MaskPixels): Answer => {
	const alpha = alphaOf(mask);
	return alpha === undefined || !alpha.some((value) => value < 255)
		? new Unclear('has no transparency', 'leave --mask-type alpha away, or save it with an alpha channel')
		: oneObject(mask, mark(alpha, halfOf(alpha, 255)), 'alpha');
};
