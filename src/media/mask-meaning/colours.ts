import type { Size } from '../../core/size.js';
import { colourObjects } from './colour-objects.js';
import { allOver, fromGreys } from './greys.js';
import {
	assignToRegions,
	distance,
	type Levels,
	type Lie,
	levelsOfColours,
	lieOf,
	type Regions,
	regionsOf,
	TRANSPARENT,
} from './levels.js';
import { type Answer, type MaskPixels, type MaskType, mostObjects, Unclear } from './meaning.js';

/** Greys that were saved as colours are greys; compression may have tinted them a little. */
export const greysOf = (rgb: Uint8Array, isLossy: boolean): Uint8Array | undefined => {
	const tint = isLossy ? 12 : 0;
	const greys = new Uint8Array(rgb.length / 3);
	let tinted = 0;
	for (let pixel = 0; pixel < greys.length; pixel++) {
		const red = rgb[pixel * 3]!;
		const green = rgb[pixel * 3 + 1]!;
		const blue = rgb[pixel * 3 + 2]!;
		if (red !== green || green !== blue) {
			if (Math.max(red, green, blue) - Math.min(red, green, blue) > tint) {
				tinted++;
				if (tinted > (isLossy ? greys.length * 0.001 : 0)) {
					return undefined;
				}
			}
		}
		greys[pixel] = green;
	}
	return greys;
};

export const fromColours = (
	mask: MaskPixels,
	rgb: Uint8Array,
	shows?: Uint8Array,
	type?: MaskType,
): Answer => {
	const greys = shows === undefined && type === undefined ? greysOf(rgb, mask.isLossy) : undefined;
	if (greys !== undefined) {
		return fromGreys(mask, greys, 255);
	}
	const levels = levelsOfColours(rgb, mask, shows);
	if (levels.values.length === 1 && levels.values[0] !== TRANSPARENT && type === undefined) {
		return allOver(`#${(colourOf(levels, 0) ?? 0).toString(16).padStart(6, '0')}`);
	}
	const lie = lieOf(levels);
	const regions = regionsOf(levels, lie, mask.isLossy);
	const background = backgroundOf(levels, lie, regions);
	const transparent = levels.values.indexOf(TRANSPARENT);
	const isEverythingFlat = regions.isHard && levels.values.length <= mostObjects + 1;
	const softAway = 1 - (levels.areas[background ?? -1] ?? 0) / levels.at.length;
	if (!isEverythingFlat && (regions.flat.length > mostObjects || regions.softShare > 0.5 * softAway)) {
		return strokesOf(mask, levels, background);
	}
	if (regions.flat.length === 1 && background !== undefined && levels.values.length > 1) {
		return strokesOf(mask, levels, background);
	}
	if (background === undefined && type !== 'colour') {
		return new Unclear(
			'has no background: no part of it is black or transparent, and none surrounds the others',
			'paint the background black, or, if everything in it is an object, add --mask-type colour',
		);
	}
	const flat = [...regions.flat].sort((a, b) => a - b);
	const assigned = isEverythingFlat ? levels.at : assignToRegions(levels, flat);
	const levelOf = isEverythingFlat ? [...levels.values.keys()] : flat;
	return colourObjects(
		mask,
		assigned,
		levelOf.map((level) =>
			level === background || level === transparent ? 0 : (colourOf(levels, level) ?? 0),
		),
		levelOf.map((level) => level === background || level === transparent),
		background === undefined || levels.values[background] === TRANSPARENT
			? undefined
			: colourOf(levels, background),
	);
};

export const colourOf = ({ colours }: Levels, level: number): number =>
	[0, 1, 2].reduce((sum, channel) => sum * 256 + Math.round(colours[level * 3 + channel] ?? 0), 0);

/**
 * Transparent, black, or else what surrounds everything: paint on a white sheet.
 *
 * @returns a level; undefined when nothing is clearly background
 */
export const backgroundOf = (levels: Levels, lie: Lie, { flat }: Regions): number | undefined => {
	const { values, areas, at } = levels;
	const transparent = values.indexOf(TRANSPARENT);
	if (transparent >= 0) {
		return transparent;
	}
	const rim = lie.border.reduce((sum, count) => sum + count, 0);
	const lightness = (level: number): number => Math.max(...levels.colours.subarray(level * 3, level * 3 + 3));
	const darkest = [...flat].sort((a, b) => lightness(a) - lightness(b))[0];
	const black = darkest !== undefined && lightness(darkest) <= 24 ? darkest : undefined;
	const widest = [...flat].sort((a, b) => (lie.border[b] ?? 0) - (lie.border[a] ?? 0))[0];
	const rimOf = (level: number | undefined): number =>
		level === undefined ? 0 : (lie.border[level] ?? 0) / rim;
	if (black === undefined) {
		return rimOf(widest) >= 0.6 ? widest : undefined;
	}
	const isWhite =
		widest !== undefined && Math.min(...levels.colours.subarray(widest * 3, widest * 3 + 3)) >= 230;
	const isSheet = isWhite && rimOf(widest) >= 0.9 && rimOf(black) === 0;
	const isLine = (areas[black] ?? 0) < 0.02 * at.length && rimOf(black) < 0.1 && rimOf(widest) >= 0.5;
	return isSheet || (isLine && widest !== black) ? widest : black;
};

/** Strokes of a soft brush: what is nearer to its colour than to the background; a colour is a direction from there. */
const strokesOf = (mask: Size, levels: Levels, background: number | undefined): Answer => {
	const picture = new Unclear(
		'has too many colours for a mask and looks like a picture',
		'give an indexed PNG, a black-and-white image, flat colours on black, or an image with alpha',
	);
	if (background === undefined || (levels.areas[background] ?? 0) < 0.05 * levels.at.length) {
		return picture;
	}
	const { values, areas, colours } = levels;
	const away = values.map((_, level) => distance(levels, level, background));
	const peak = Math.max(...away);
	const core = [...values.keys()].filter((level) => (away[level] ?? 0) >= peak / 2);
	const directions = new Map(
		core.map((level) => {
			const offset = [0, 1, 2].map(
				(channel) => (colours[level * 3 + channel] ?? 0) - (colours[background * 3 + channel] ?? 0),
			);
			const length = Math.hypot(...offset);
			return [level, offset.map((value) => value / length)] as const;
		}),
	);
	const total = core.reduce((sum, level) => sum + (areas[level] ?? 0), 0);
	const groups: { direction: readonly number[]; area: number; colour: number; away: number }[] = [];
	const groupOf = new Map<number, number>();
	for (const level of [...core].sort((a, b) => (areas[b] ?? 0) - (areas[a] ?? 0))) {
		const direction = directions.get(level) ?? [];
		let at = groups.findIndex(
			(group) => group.direction.reduce((sum, value, n) => sum + value * (direction[n] ?? 0), 0) > 0.96,
		);
		if (at < 0) {
			at = groups.length;
			if (at > mostObjects) {
				return picture;
			}
			groups.push({ direction, area: 0, colour: colourOf(levels, level), away: away[level] ?? 0 });
		}
		const group = groups[at];
		if (group !== undefined) {
			group.area += areas[level] ?? 0;
			if ((away[level] ?? 0) > group.away) {
				group.away = away[level] ?? 0;
				group.colour = colourOf(levels, level);
			}
		}
		groupOf.set(level, at);
	}
	const large = groups.filter(({ area }) => area >= 0.04 * total);
	if (large.length > 12 || large.reduce((sum, { area }) => sum + area, 0) < 0.9 * total) {
		return picture;
	}
	const positions = new Map(large.map((group, at) => [groups.indexOf(group), at + 1]));
	const table = Uint8Array.from(values, (_, level) => positions.get(groupOf.get(level) ?? -1) ?? 0);
	const assigned = new Uint8Array(levels.at.length);
	for (let pixel = 0; pixel < assigned.length; pixel++) {
		assigned[pixel] = table[levels.at[pixel]!]!;
	}
	return colourObjects(
		mask,
		assigned,
		[0, ...large.map(({ colour }) => colour)],
		[true, ...large.map(() => false)],
		colourOf(levels, background),
	);
};
