import { idsOf, voidOf } from './ids.js';
import {
	assignToRegions,
	distance,
	isLadder,
	type Levels,
	type Lie,
	levelsOfGreys,
	lieOf,
	type Regions,
	regionsOf,
} from './levels.js';
import { type Answer, explicitly, highestSmallId, type MaskPixels, mostObjects, Unclear } from './meaning.js';
import { halfOf, mark, oneObject } from './pixels.js';

export const fromGreys = (mask: MaskPixels, values: Uint8Array | Uint16Array, white: number): Answer => {
	const levels = levelsOfGreys(values, white, mask);
	const used = levels.values;
	const [darkest = 0, second = 0] = used;
	const brightest = used.at(-1) ?? 0;
	if (used.length === 1) {
		return darkest === 0
			? oneObject(mask, new Uint8Array(values.length), 'binary')
			: darkest <= highestSmallId && darkest < white
				? idsOf(mask, values)
				: allOver(darkest === white ? 'white' : `the grey ${darkest}`);
	}
	if (used.length === 2) {
		if (darkest === 0) {
			return brightest <= highestSmallId && brightest < white
				? idsOf(mask, values)
				: oneObject(mask, mark(values, 0), 'binary', { value: brightest });
		}
		if (brightest > highestSmallId) {
			return oneObject(mask, mark(values, (darkest + second) / 2), 'binary');
		}
	}
	if (white > 255 && brightest <= 255) {
		// Numbers of 8 bits in a file of 16.
		return byRegions(mask, values, 255, levels);
	}
	// What is all but black is no soft mask.
	return white > 255 && brightest < white / 16 && darkest === 0
		? idsOf(mask, values)
		: byRegions(mask, values, white, levels);
};

/** More often a layer or an inverted mask that was saved by mistake than an object that fills the frame. */
export const allOver = (colour: string): Unclear =>
	new Unclear(
		`is ${colour} all over, so nothing in it is background`,
		'paint what is no object black, or, if all of the frame is the object, add --mask-type binary',
	);

const byRegions = (
	mask: MaskPixels,
	values: Uint8Array | Uint16Array,
	white: number,
	levels: Levels,
): Answer => {
	const lie = lieOf(levels);
	const regions = regionsOf(levels, lie, mask.isLossy);
	if (!mask.isLossy && (levels.values.at(-1) ?? 0) > highestSmallId && isLadder(levels, lie)) {
		return softGreys(mask, values, white, levels, regions, true);
	}
	const value = (level: number): number => levels.values[level] ?? 0;
	const flat = [...regions.flat].sort((a, b) => value(a) - value(b));
	const [lowest, highest] = [flat[0], flat.at(-1)];
	if (lowest === undefined || highest === undefined || flat.length === 1) {
		return softGreys(mask, values, white, levels, regions);
	}
	if (flat.length === 2 && !regions.isHard) {
		const [low, high] = [value(lowest), value(highest)];
		if (high <= highestSmallId && low === 0 && !mask.isLossy) {
			return idsOf(
				mask,
				mark(values, high / 2).map((id) => id * high),
			);
		}
		// A plateau of a soft brush is no more than a part of what it covers.
		const cut = regions.softShare * values.length > 4 * (levels.areas[highest] ?? 0);
		return oneObject(mask, mark(values, cut ? halfOf(values, white) : (low + high) / 2), 'binary', {
			value: low === 0 ? high : undefined,
		});
	}
	if (!regions.isHard && isDeep(levels, regions)) {
		return softGreys(mask, values, white, levels, regions);
	}
	if (flat.length > (regions.isHard ? mostObjects + 1 : mostObjects - 1)) {
		return new Unclear(
			flat.every((level) => value(level) <= 255)
				? `has ${flat.length} greys and no background`
				: `has ids up to ${value(highest)}, but at most ${mostObjects} fit`,
			'give a mask with fewer objects',
		);
	}
	const trimap = trimapOf(levels, lie, flat, white);
	if (trimap !== undefined) {
		return trimap;
	}
	const assigned = regions.isHard ? undefined : assignToRegions(levels, flat);
	const valueAt = (pixel: number): number =>
		assigned === undefined ? values[pixel]! : value(flat[assigned[pixel]!]!);
	if (value(lowest) > 0) {
		const isVideoBlack = value(lowest) <= (white * 24) / 255 && value(flat[1] ?? 0) > (white * 40) / 255;
		if (!isVideoBlack) {
			return new Unclear(
				`has no background: its values are ${listOf(flat.map(value))}, and none is 0`,
				explicitly('ids', 'binary'),
			);
		}
	}
	const ids = Uint16Array.from(values, (_, pixel) => {
		const id = valueAt(pixel);
		return id === value(lowest) ? 0 : id;
	});
	return idsOf(mask, ids, voidOf(levels, lie, flat.map(value)));
};

/** Enough soft pixels far from any region: a brush, not the rim of something. */
const isDeep = ({ at, width, height }: Levels, { flat, softShare }: Regions): boolean => {
	const isFlat = new Set(flat);
	let deep = 0;
	for (let y = 2; y < height - 2; y++) {
		for (let x = 2; x < width - 2; x++) {
			const pixel = y * width + x;
			if (
				!isFlat.has(at[pixel]!) &&
				[-2 * width, 2 * width, -2, 2, -width - 1, width + 1, -width + 1, width - 1].every(
					(step) => !isFlat.has(at[pixel + step]!),
				)
			) {
				deep++;
			}
		}
	}
	return deep > 0.25 * softShare * at.length;
};

/**
 * A soft mask of one object, unless it looks like a picture.
 *
 * @param isGradient the greys follow each other step by step, as in no picture
 */
const softGreys = (
	mask: MaskPixels,
	values: Uint8Array | Uint16Array,
	white: number,
	levels: Levels,
	regions: Regions,
	isGradient = false,
): Answer => {
	const brightest = levels.values.at(-1) ?? 0;
	let extreme = 0;
	for (const level of levels.values.keys()) {
		const isExtreme =
			distance(levels, level, 0) <= 24 || distance(levels, level, levels.values.length - 1) <= 24;
		extreme += isExtreme ? (levels.areas[level] ?? 0) : 0;
	}
	if (extreme < 0.4 * values.length && !isGradient) {
		return new Unclear(
			'looks like a picture: it has many greys and no flat background',
			'give a mask, or, if it is one to be cut at half brightness, add --mask-type binary',
		);
	}
	const only = regions.flat.length === 0 ? undefined : Math.min(...regions.flat);
	if (only !== undefined && brightest <= highestSmallId && white === 255) {
		return new Unclear('is all but black', explicitly('ids', 'binary'));
	}
	// Background that isn't black: the cut is half way from it to the brightest.
	const darkest = only === undefined ? 0 : (levels.values[only] ?? 0);
	const isLifted = darkest > 0 && darkest < white / 3;
	return oneObject(
		mask,
		mark(values, isLifted ? (darkest + brightest) / 2 : halfOf(values, white)),
		'binary',
	);
};

/** Black, white, and a middle grey that keeps them apart: what a trimap means is the person's to say. */
const trimapOf = ({ at, width, areas, values }: Levels, lie: Lie, flat: readonly number[], white: number) => {
	const [black, grey, bright] = flat;
	if (black === undefined || grey === undefined || bright === undefined || flat.length !== 3) {
		return undefined;
	}
	const share = (values[grey] ?? 0) / white;
	const thickness = (2 * (areas[grey] ?? 0)) / Math.max(1, lie.changes[grey] ?? 0);
	if (
		values[black] !== 0 ||
		values[bright] !== white ||
		share < 0.4 ||
		share > 0.6 ||
		thickness > 40 ||
		(areas[grey] ?? 0) < 12
	) {
		return undefined;
	}
	let touching = 0;
	for (let pixel = 0; pixel < at.length; pixel++) {
		for (const other of [at[pixel + 1], at[pixel + width]]) {
			touching +=
				(at[pixel] === black && other === bright) || (at[pixel] === bright && other === black) ? 1 : 0;
		}
	}
	return touching > 0.05 * (lie.changes[bright] ?? 0)
		? undefined
		: new Unclear(
				'may be a trimap or have two objects: grey lies all around its white',
				explicitly('binary', 'ids'),
			);
};

const listOf = (values: readonly number[]): string =>
	values.length > 6 ? `${values.slice(0, 5).join(', ')}, …` : values.join(', ');
