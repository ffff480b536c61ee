import { davisPalette, vocPalette } from '../davis-palette.js';
import { fromAlpha } from './alpha.js';
import { fromColours, greysOf } from './colours.js';
import { voidOf } from './ids.js';
import { isLadder, type Levels, levelsOfGreys, levelsOfIndices, lieOf } from './levels.js';
import { type Answer, highestSmallId, type MaskMeaning, type MaskPixels } from './meaning.js';
import { alphaOf, oneObject, rgbOf } from './pixels.js';

type IndexPixels = Extract<MaskPixels, { readonly kind: 'indices' }>;

/**
 * The indices are ids, unless the colours say that index 0 is no background: programs sort palettes by frequency or
 * brightness, too. Then the colours count.
 */
export const fromIndices = (mask: IndexPixels): Answer => {
	const { indices, palette, opacity } = mask;
	const levels = levelsOfIndices(indices, palette, mask);
	const used = levels.values;
	const opacityOf = (index: number): number => opacity[index] ?? 255;
	const isHidden = (index: number): boolean => opacityOf(index) < 6;
	const isBlack = (index: number): boolean =>
		Math.max(...palette.subarray(index * 3, index * 3 + 3), 0) === 0 && !isHidden(index);
	if (used.some((index) => opacityOf(index) < 250)) {
		const isPlain = used.every((index) => isHidden(index) || opacityOf(index) >= 250);
		// More of one colour than of another may show through, or index 0 may be an object.
		if (!isPlain || (!isHidden(0) && used.includes(0)) || used.length === 2) {
			const alpha = alphaOf(mask);
			return fromAlpha(mask, alpha ?? new Uint8Array(indices.length).fill(255));
		}
		return indexObjects(
			mask,
			indices.map((index) => (isHidden(index) ? 0 : index)),
			used,
		);
	}
	const byColour = (): Answer => {
		const rgb = rgbOf(mask);
		return fromColours(mask, rgb);
	};
	if (used.length > 1 && !used.includes(0) && !isLabelPalette(palette)) {
		return byColour(); // Nothing has the index that stands for background.
	}
	if (used.length > 2) {
		const lie = lieOf(levels);
		const blended = [...used.keys()].filter(
			(level) => (lie.between[level] ?? 0) >= 0.4 * (levels.areas[level] ?? 0),
		);
		const soft = blended.reduce((sum, level) => sum + (levels.areas[level] ?? 0), 0);
		if (!isLabelPalette(palette) && (soft >= 8 || isGreyLadder(mask))) {
			return byColour();
		}
		const rim = lie.border.reduce((sum, count) => sum + count, 0);
		const zero = used.indexOf(0);
		const isZeroBehind = zero >= 0 && (lie.border[zero] ?? 0) >= 0.2 * rim;
		if (!isBlack(0) && (used.some(isBlack) || (zero >= 0 && !isZeroBehind && !isLabelPalette(palette)))) {
			return byColour();
		}
		return indexObjects(mask, indices, used, voidOf(levels, lie, used));
	}
	const greys = used.every((index) => {
		const [red, green, blue] = palette.subarray(index * 3, index * 3 + 3);
		return red === green && green === blue;
	});
	const isRamp = greys && used.every((index) => palette[index * 3] === index);
	if (isRamp && Math.max(...used) > highestSmallId) {
		return byColour();
	}
	if (!isBlack(0) && used.length === 2 && (used.some(isBlack) || surrounds(levels, 1))) {
		return byColour();
	}
	return greys && used.includes(1) && palette.length <= 6
		? oneObject(mask, indices, 'binary')
		: indexObjects(mask, indices, used);
};

/** A soft mask in greys that a program numbered by itself. */
const isGreyLadder = (mask: IndexPixels): boolean => {
	const greys = greysOf(rgbOf(mask), false);
	if (greys === undefined) {
		return false;
	}
	const levels = levelsOfGreys(greys, 255, mask);
	return isLadder(levels, lieOf(levels));
};

/** Whether the second of two levels lies around the first. */
const surrounds = (levels: Levels, level: number): boolean => {
	const { border } = lieOf(levels);
	const rim = border.reduce((sum, count) => sum + count, 0);
	return (border[level] ?? 0) >= 0.6 * rim;
};

/** Made for ids: it names many more than most masks use. */
const isLabelPalette = (palette: Uint8Array): boolean =>
	[davisPalette, vocPalette].some(
		(known) =>
			palette.length >= 3 * 3 &&
			Buffer.from(palette.subarray(0, 66)).equals(known.subarray(0, Math.min(66, palette.length))),
	);

export const indexObjects = (
	{ width, height, palette }: IndexPixels,
	indices: Uint8Array,
	used: readonly number[],
	leftOut?: number,
): MaskMeaning => {
	const objects = used.filter((index) => index > 0 && index !== leftOut);
	const colours = new Set(
		objects.map((index) => Buffer.from(palette.subarray(index * 3, index * 3 + 3)).toString('hex')),
	);
	// A palette with nothing but what is in use was made for this picture: what it counts says nothing. Zeros fill it up.
	let entries = palette.length / 3;
	while (entries > 1 && palette.subarray(entries * 3 - 3, entries * 3).every((value) => value === 0)) {
		entries--;
	}
	const isOwn =
		entries <= Math.max(...used) + 1 && colours.size === objects.length && !isLabelPalette(palette);
	return {
		...{ width, height, palette, type: 'ids', knownBy: isOwn ? 'colour' : 'id' },
		ids: leftOut === undefined ? indices : indices.map((index) => (index === leftOut ? 0 : index)),
		remark: leftOut === undefined ? undefined : `its rim with the id ${leftOut} is left out`,
	};
};
