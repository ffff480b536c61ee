import type { LabelMap } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { davisPalette, vocPalette } from './davis-palette.js';
import {
	assignToRegions,
	distance,
	isLadder,
	type Levels,
	type Lie,
	levelsOfColours,
	levelsOfGreys,
	levelsOfIndices,
	lieOf,
	type Regions,
	regionsOf,
	TRANSPARENT,
} from './mask-levels.js';

/** How a mask says what belongs to which object. */
export const maskTypes = ['ids', 'binary', 'colour', 'alpha'] as const;
export type MaskType = (typeof maskTypes)[number];

/** The pixels of a mask file, before anybody knows what they mean. */
export type MaskPixels = {
	readonly width: number;
	readonly height: number;
	/** Whether the file's format changes values. */
	readonly isLossy: boolean;
	/** [H × W] 0..255; undefined where everything is opaque. */
	readonly alpha?: Uint8Array | undefined;
} & (
	| { readonly kind: 'grey'; readonly values: Uint8Array | Uint16Array; readonly white: number }
	| { readonly kind: 'colours'; readonly rgb: Uint8Array }
	| {
			readonly kind: 'indices';
			readonly indices: Uint8Array;
			/** Three bytes an entry. */
			readonly palette: Uint8Array;
			/** One byte an entry; entries beyond are opaque. */
			readonly opacity: Uint8Array;
	  }
);

/** A mask that was understood. */
export type MaskMeaning = LabelMap & {
	readonly type: MaskType;
	/**
	 * What an object is known by in other masks of the run: its id, its colour, or nothing, where there is one object that
	 * is simply what is marked.
	 */
	readonly knownBy: 'id' | 'colour' | 'nothing';
	/** What an id stands for in the file, where that is another number. */
	readonly fileIds?: ReadonlyMap<number, number> | undefined;
	/** The grey value of an object that is known by nothing, should other masks have ids. */
	readonly value?: number | undefined;
	/** What was left out or looks odd, as a sentence without its stop. */
	readonly remark?: string | undefined;
};

/** Why a mask can't be used, to be continued after "The mask … ", and what would be right. */
export class Unclear {
	constructor(
		readonly reason: string,
		readonly advice: string,
	) {}
}

type Answer = MaskMeaning | Unclear;
/** Grey values up to this are ids, not levels of brightness, even where there is only one. */
const highestSmallId = 32;
/** Ids that a label map can hold besides background. */
const mostObjects = 255;

const explicitly = (...types: MaskType[]): string =>
	`say what it is with ${types.map((type) => `--mask-type ${type}`).join(' or ')}`;

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

/** Where a soft mask is cut: at half, or at half of its brightest where hardly anything is brighter than half. */
const halfOf = (values: Uint8Array | Uint16Array, white: number): number => {
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

const mark = (values: Uint8Array | Uint16Array, above: number): Uint8Array => {
	const ids = new Uint8Array(values.length);
	for (let at = 0; at < values.length; at++) {
		ids[at] = values[at]! > above ? 1 : 0;
	}
	return ids;
};

const oneObject = (
	{ width, height }: Size,
	ids: Uint8Array,
	type: 'binary' | 'alpha',
	more: Pick<MaskMeaning, 'remark' | 'value'> = {},
): MaskMeaning => ({ width, height, ids, palette: davisPalette, type, knownBy: 'nothing', ...more });

// Greys

const fromGreys = (mask: MaskPixels, values: Uint8Array | Uint16Array, white: number): Answer => {
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
const allOver = (colour: string): Unclear =>
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

/** The id that VOC and its followers give to the rim of objects, which belongs to none. */
const voidId = 255;

const voidOf = (levels: Levels, lie: Lie, ids: readonly number[]): number | undefined => {
	const level = levels.values.indexOf(voidId);
	const others = ids.filter((id) => id > 0 && id !== voidId);
	if (level < 0 || others.length === 0 || others.some((id) => id > 100)) {
		return undefined;
	}
	const thickness = (2 * (levels.areas[level] ?? 0)) / Math.max(1, lie.changes[level] ?? 0);
	return thickness <= 8 ? voidId : undefined;
};

/** Grey values that are ids. Those that don't fit are numbered in their order. */
const idsOf = (mask: Size, values: ArrayLike<number>, leftOut?: number): Answer => {
	const { width, height } = mask;
	const isUsed = new Uint8Array(65536);
	for (let at = 0; at < values.length; at++) {
		isUsed[values[at]!] = 1;
	}
	isUsed[0] = 0;
	isUsed[leftOut ?? 0] = 0;
	const ordered = [...isUsed.keys()].filter((value) => isUsed[value] === 1);
	if (ordered.length > mostObjects) {
		return new Unclear(
			`has ids up to ${ordered.at(-1)}, but at most ${mostObjects} fit`,
			'give a mask with fewer objects',
		);
	}
	const fits = (ordered.at(-1) ?? 0) <= mostObjects;
	const numbers = new Uint8Array(65536);
	for (const [at, value] of ordered.entries()) {
		numbers[value] = fits ? value : at + 1;
	}
	const ids = new Uint8Array(values.length);
	for (let at = 0; at < values.length; at++) {
		ids[at] = numbers[values[at]!]!;
	}
	return {
		...{ width, height, ids, palette: davisPalette, type: 'ids', knownBy: 'id' },
		fileIds: fits ? undefined : new Map(ordered.map((value, at) => [at + 1, value])),
		remark: leftOut === undefined ? undefined : `its rim with the id ${leftOut} is left out`,
	};
};

const listOf = (values: readonly number[]): string =>
	values.length > 6 ? `${values.slice(0, 5).join(', ')}, …` : values.join(', ');

// Colours

/** Greys that were saved as colours are greys; compression may have tinted them a little. */
const greysOf = (rgb: Uint8Array, isLossy: boolean): Uint8Array | undefined => {
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

const fromColours = (mask: MaskPixels, rgb: Uint8Array, shows?: Uint8Array, type?: MaskType): Answer => {
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

const colourOf = ({ colours }: Levels, level: number): number =>
	[0, 1, 2].reduce((sum, channel) => sum * 256 + Math.round(colours[level * 3 + channel] ?? 0), 0);

/**
 * Transparent, black, or else what surrounds everything: paint on a white sheet.
 *
 * @returns a level; undefined when nothing is clearly background
 */
const backgroundOf = (levels: Levels, lie: Lie, { flat }: Regions): number | undefined => {
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

const idsByColour = (palette: Uint8Array, count: number): ReadonlyMap<number, number> =>
	new Map(
		Array.from({ length: count }, (_, id) => {
			const [red = 0, green = 0, blue = 0] = palette.subarray(id * 3);
			return [(red << 16) | (green << 8) | blue, id];
		}),
	);
/** From the 22nd on the DAVIS palette is greys. */
const davisIds = idsByColour(davisPalette, 22);
const vocIds = idsByColour(vocPalette, 256);

/**
 * Each colour an object. Colours of the DAVIS or VOC palettes have their ids there; others are counted as they appear.
 *
 * @param assigned [H × W] positions in `colours`
 */
const colourObjects = (
	{ width, height }: Size,
	assigned: ArrayLike<number>,
	colours: readonly number[],
	isBackground: readonly boolean[],
	background: number | undefined,
): Answer => {
	const objects = [...colours.keys()].filter((at) => isBackground[at] !== true);
	if (objects.length > mostObjects) {
		return new Unclear(`has ${objects.length} colours, but at most ${mostObjects} fit`, 'use fewer');
	}
	const known = [davisIds, vocIds].find((ids) => objects.every((at) => (ids.get(colours[at] ?? 0) ?? 0) > 0));
	const order = known === undefined ? appearance(assigned, objects) : objects;
	const idOf = new Uint8Array(colours.length);
	for (const [position, at] of order.entries()) {
		idOf[at] = known?.get(colours[at] ?? 0) ?? position + 1;
	}
	const highest = Math.max(0, ...idOf);
	const palette =
		known === davisIds ? davisPalette : known === vocIds ? vocPalette : new Uint8Array((highest + 1) * 3);
	if (known === undefined) {
		for (const at of objects) {
			palette.set(bytesOf(colours[at] ?? 0), (idOf[at] ?? 0) * 3);
		}
	}
	const ids = new Uint8Array(width * height);
	for (let pixel = 0; pixel < ids.length; pixel++) {
		ids[pixel] = idOf[assigned[pixel]!]!;
	}
	const isBlack = background === undefined || Math.max(...bytesOf(background)) <= 24;
	return {
		...{ width, height, ids, palette, type: 'colour', knownBy: 'colour' },
		remark: isBlack ? undefined : `its background is #${background.toString(16).padStart(6, '0')}`,
	};
};

/** Objects in the order in which they come, row by row. */
const appearance = (assigned: ArrayLike<number>, objects: readonly number[]): number[] => {
	const waiting = new Set(objects);
	const order: number[] = [];
	for (let pixel = 0; pixel < assigned.length && waiting.size > 0; pixel++) {
		const at = assigned[pixel]!;
		if (waiting.delete(at)) {
			order.push(at);
		}
	}
	return order;
};

const bytesOf = (colour: number): number[] => [colour >> 16, (colour >> 8) & 255, colour & 255];

// Alpha

const rgbOf = (mask: MaskPixels): Uint8Array => {
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

const alphaOf = (mask: MaskPixels): Uint8Array | undefined =>
	mask.kind === 'indices'
		? mask.opacity.some((value) => value < 255)
			? Uint8Array.from(mask.indices, (index) => mask.opacity[index] ?? 255)
			: undefined
		: mask.alpha;

/** What is opaque is one object, unless it is painted in several flat colours. */
const fromAlpha = (mask: MaskPixels, alpha: Uint8Array): Answer => {
	const shows = mark(alpha, halfOf(alpha, 255));
	const one = oneObject(mask, shows, 'alpha');
	if (!shows.includes(1)) {
		return one;
	}
	const opaque = mark(alpha, 249);
	const levels = levelsOfColours(rgbOf(mask), mask, opaque.includes(1) ? opaque : shows);
	const painted = [...levels.values.keys()].filter((level) => levels.values[level] !== TRANSPARENT);
	const area = painted.reduce((sum, level) => sum + (levels.areas[level] ?? 0), 0);
	const colours = painted.filter((level) => (levels.areas[level] ?? 0) >= Math.max(4, 0.001 * area));
	const flat = colours.reduce((sum, level) => sum + (levels.areas[level] ?? 0), 0);
	if (flat < 0.97 * area || colours.length > 64) {
		return one; // A piece cut out of a picture.
	}
	const saturated = colours.filter((level) => saturation(levels, level) > 40);
	if (colours.length === 1) {
		const [colour] = colours;
		return colour !== undefined && saturated.length === 1
			? colourObjects(mask, shows, [0, colourOf(levels, colour)], [true, false], undefined)
			: one;
	}
	const regions = regionsOf(levels, lieOf(levels), mask.isLossy);
	const flatArea = regions.flat.reduce(
		(sum, level) => sum + (levels.values[level] === TRANSPARENT ? 0 : (levels.areas[level] ?? 0)),
		0,
	);
	if (flatArea < 0.97 * area) {
		return one; // Few colours, but scattered: a picture all the same.
	}
	if (saturated.length < colours.length) {
		return new Unclear(
			'has transparency and several flat colours, black, white or grey among them',
			explicitly('alpha', 'colour'),
		);
	}
	const byColour = fromColours({ ...mask, alpha: undefined }, rgbOf(mask), shows, 'colour');
	return byColour instanceof Unclear ? one : byColour;
};

const saturation = ({ colours }: Levels, level: number): number => {
	const rgb = colours.subarray(level * 3, level * 3 + 3);
	return Math.max(...rgb) - Math.min(...rgb);
};

// Indices

type IndexPixels = Extract<MaskPixels, { readonly kind: 'indices' }>;

/**
 * The indices are ids, unless the colours say that index 0 is no background: programs sort palettes by frequency or
 * brightness, too. Then the colours count.
 */
const fromIndices = (mask: IndexPixels): Answer => {
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

const indexObjects = (
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

// What the person says

const asIds = (mask: MaskPixels): Answer => {
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

const asBinary = (mask: MaskPixels): Answer => {
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

const asColours = (mask: MaskPixels): Answer => {
	const alpha = alphaOf(mask);
	const shows = alpha === undefined ? undefined : mark(alpha, halfOf(alpha, 255));
	return fromColours(mask, rgbOf(mask), shows?.includes(0) === true ? shows : undefined, 'colour');
};

const asAlpha = (mask: MaskPixels): Answer => {
	const alpha = alphaOf(mask);
	return alpha === undefined || !alpha.some((value) => value < 255)
		? new Unclear('has no transparency', 'leave --mask-type alpha away, or save it with an alpha channel')
		: oneObject(mask, mark(alpha, halfOf(alpha, 255)), 'alpha');
};
