import type { Size } from '../../core/size.js';
/**
 * How the different values of a mask lie in the picture. What a value means shows there: an object is a flat region; the blends of
 * soft edges lie thin between two regions, each between its neighbours in value too; the bands of a soft brush touch only
 * the next lighter and the next darker one; noise lies scattered.
 */
export type Levels = {
	readonly width: number;
	readonly height: number;
	/** [H × W] the number of each pixel's level. */
	readonly at: Uint16Array;
	/** [levels] what the file says: a grey value, an index of a palette, or a colour as 0xrrggbb. */
	readonly values: readonly number[];
	/** [levels × 3] red, green, blue, 0..255; fractions where the file has 16 bits. */
	readonly colours: Float32Array;
	/** [levels] in pixels. */
	readonly areas: Uint32Array;
};

/** The value of pixels that show nothing; see {@link levelsOfColours}. */
export const TRANSPARENT = 0x1000000;

/** More colours than this are no mask's, and are counted roughly. */
const mostLevels = 65535;

/** Greys, darkest first. @param white the value of white: 255, or 65535 for 16 bits */
export const levelsOfGreys = (values: Uint8Array | Uint16Array, white: number, size: Size): Levels => {
	const areas = new Uint32Array(65536);
	for (let at = 0; at < values.length; at++) {
		areas[values[at]!]! += 1;
	}
	const used = [...areas.keys()].filter((value) => areas[value]! > 0);
	const peak = used.at(-1) ?? 0;
	// Ids in 16 bits are all but black next to white, so they are looked at by themselves.
	const brightest = peak < white / 16 ? Math.max(peak, 255) : white;
	const numbers = new Uint16Array(65536);
	for (const [level, value] of used.entries()) {
		numbers[value] = level;
	}
	const at = new Uint16Array(values.length);
	for (let pixel = 0; pixel < values.length; pixel++) {
		at[pixel] = numbers[values[pixel]!]!;
	}
	return {
		...size,
		at,
		values: used,
		colours: Float32Array.from({ length: used.length * 3 }, (_, n) => {
			return ((used[Math.floor(n / 3)] ?? 0) * 255) / brightest;
		}),
		areas: Uint32Array.from(used, (value) => areas[value] ?? 0),
	};
};

/** Indices of a palette, in their order. */
export const levelsOfIndices = (indices: Uint8Array, palette: Uint8Array, size: Size): Levels => {
	const levels = levelsOfGreys(indices, 255, size);
	const colours = Float32Array.from({ length: levels.values.length * 3 }, (_, n) => {
		return palette[(levels.values[Math.floor(n / 3)] ?? 0) * 3 + (n % 3)] ?? 0;
	});
	return { ...levels, colours };
};

/**
 * Colours, in the order in which they appear.
 *
 * @param rgb three bytes a pixel
 * @param shows [H × W] 0 where a pixel is transparent; all show when omitted
 */
export const levelsOfColours = (rgb: Uint8Array, size: Size, shows?: Uint8Array): Levels =>
	collectColours(rgb, size, shows, 0xffffff) ?? collectColours(rgb, size, shows, 0xf8f8f8) ?? never();

const never = (): never => {
	throw new Error('Five bits a channel give more than 32768 colours.');
};

const collectColours = (
	rgb: Uint8Array,
	size: Size,
	shows: Uint8Array | undefined,
	bits: number,
): Levels | undefined => {
	const count = rgb.length / 3;
	const at = new Uint16Array(count);
	const numbers = new Map<number, number>();
	const areas: number[] = [];
	let [previous, level] = [-1, 0];
	for (let pixel = 0; pixel < count; pixel++) {
		const colour =
			shows?.[pixel] === 0
				? TRANSPARENT
				: ((rgb[pixel * 3]! << 16) | (rgb[pixel * 3 + 1]! << 8) | rgb[pixel * 3 + 2]!) & bits;
		if (colour !== previous) {
			previous = colour;
			const known = numbers.get(colour);
			level = known ?? numbers.size;
			if (known === undefined) {
				if (level > mostLevels) {
					return undefined;
				}
				numbers.set(colour, level);
				areas.push(0);
			}
		}
		at[pixel] = level;
		areas[level]! += 1;
	}
	const values = [...numbers.keys()];
	return {
		...size,
		at,
		values,
		colours: Float32Array.from({ length: values.length * 3 }, (_, n) => {
			return ((values[Math.floor(n / 3)] ?? 0) >> (16 - 8 * (n % 3))) & 255;
		}),
		areas: Uint32Array.from(areas),
	};
};

/** What was seen of each level; all arrays are [levels]. */
export type Lie = {
	/** Pixels whose four neighbours are of the same level. */
	readonly inner: Uint32Array;
	/** Neighbours of the same level, of eight, summed over the level's pixels. */
	readonly same: Uint32Array;
	/** Pixels that lie between two opposite neighbours, and in value too. */
	readonly between: Uint32Array;
	/** Pixels like none of their four neighbours that do not lie between. */
	readonly lone: Uint32Array;
	/** Pairs with one of four neighbours that is of another level, and those of them a little lighter or darker. */
	readonly changes: Uint32Array;
	readonly slightlyUp: Uint32Array;
	readonly slightlyDown: Uint32Array;
	/** Pairs with the next level, as the file numbers them: a step on a ladder, where levels are greys. */
	readonly steps: Uint32Array;
	/** Pixels on the border of the picture. */
	readonly border: Uint32Array;
};

/** Of 255: the bands of a soft brush differ by no more. */
const slight = 6;

/** Looks at every pixel's neighbourhood once. */
export const lieOf = ({ width, height, at, colours, values }: Levels): Lie => {
	const create = () => new Uint32Array(values.length);
	const [inner, same, between, changes] = [create(), create(), create(), create()];
	const [slightlyUp, slightlyDown, border] = [create(), create(), create()];
	const [steps, lone] = [create(), create()];
	const sums = Float32Array.from(
		values,
		(_, level) =>
			((colours[level * 3] ?? 0) + (colours[level * 3 + 1] ?? 0) + (colours[level * 3 + 2] ?? 0)) / 3,
	);
	const add = (counts: Uint32Array, level: number, by = 1): void => {
		counts[level]! += by;
	};
	const lies = (level: number, one: number, other: number): boolean => {
		if (one === level || other === level) {
			return false;
		}
		for (let channel = 0; channel < 3; channel++) {
			const value = colours[level * 3 + channel]!;
			const [a, b] = [colours[one * 3 + channel]!, colours[other * 3 + channel]!];
			if ((value - a) * (value - b) > 0) {
				return false;
			}
		}
		return one !== other;
	};
	for (let y = 0; y < height; y++) {
		const isEdgeRow = y === 0 || y === height - 1;
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			const level = at[pixel]!;
			const isBorder = isEdgeRow || x === 0 || x === width - 1;
			// Beyond the border the picture goes on as it is there.
			const left = x > 0 ? at[pixel - 1]! : level;
			const right = x < width - 1 ? at[pixel + 1]! : level;
			const up = y > 0 ? at[pixel - width]! : level;
			const down = y < height - 1 ? at[pixel + width]! : level;
			if (isBorder) {
				add(border, level);
			}
			if (left === level && right === level && up === level && down === level) {
				add(inner, level);
				add(same, level, 8);
				continue;
			}
			const [above, below] = [y > 0 ? -width : 0, y < height - 1 ? width : 0];
			const [before, after] = [x > 0 ? -1 : 0, x < width - 1 ? 1 : 0];
			const upLeft = at[pixel + above + before]!;
			const upRight = at[pixel + above + after]!;
			const downLeft = at[pixel + below + before]!;
			const downRight = at[pixel + below + after]!;
			for (const other of [left, right, up, down]) {
				if (other === level) {
					add(same, level);
					continue;
				}
				add(changes, level);
				if (other === level + 1 || other === level - 1) {
					add(steps, level);
				}
				const step = sums[other]! - sums[level]!;
				if (Math.abs(step) <= slight) {
					add(step > 0 ? slightlyUp : slightlyDown, level);
				}
			}
			for (const other of [upLeft, upRight, downLeft, downRight]) {
				if (other === level) {
					add(same, level);
				}
			}
			if (
				lies(level, left, right) ||
				lies(level, up, down) ||
				lies(level, upLeft, downRight) ||
				lies(level, upRight, downLeft)
			) {
				add(between, level);
			} else if (left !== level && right !== level && up !== level && down !== level) {
				add(lone, level);
			}
		}
	}
	return { inner, same, between, lone, changes, slightlyUp, slightlyDown, steps, border };
};

/** Fewer levels than this are no gradient. */
const fewestBands = 24;

/** True of the bands of a gradient: each touches hardly anything but the next lighter and the next darker one. */
const isBand = (lie: Lie, level: number): boolean => {
	const changes = lie.changes[level] ?? 0;
	return (
		lie.inner.length >= fewestBands &&
		(lie.slightlyUp[level] ?? 0) > 0.35 * changes &&
		(lie.slightlyDown[level] ?? 0) > 0.35 * changes
	);
};

/**
 * True of a soft mask, in however few greys it was saved: most neighbours that differ are a step of the ladder of greys apart, or
 * pixels lie between others. Ids touch any other ids, and noise lies neither here nor there.
 */
export const isLadder = (levels: Levels, lie: Lie): boolean => {
	const sum = (counts: Uint32Array): number => counts.reduce((total, count) => total + count, 0);
	const changed = levels.at.length - sum(lie.inner);
	const steps = sum(lie.steps) / Math.max(1, sum(lie.changes));
	const between = sum(lie.between) / Math.max(1, changed);
	if (levels.values.length < 8 || sum(lie.lone) > 0.06 * changed) {
		return false;
	}
	return steps >= 0.9 || (steps >= 0.7 && between >= 0.05) || (steps >= 0.4 && between >= 0.2);
};

/** True of what may be a region of its own: no blend, no band, and its pixels hang together. */
const isRegion = ({ areas }: Levels, lie: Lie, level: number): boolean => {
	const area = areas[level] ?? 0;
	return (
		(lie.between[level] ?? 0) < 0.4 * area && (lie.same[level] ?? 0) >= 1.5 * area && !isBand(lie, level)
	);
};

/** Which levels are regions, and what the others are. */
export type Regions = {
	/** Levels, largest first; none when the picture has no flat part. */
	readonly flat: readonly number[];
	/** Every level is a region: nothing is blended. */
	readonly isHard: boolean;
	/** Share of the picture's pixels that lie in no region. */
	readonly softShare: number;
};

/** So few pixels outside of regions are specks: objects of their own, or slips, but no soft edges. */
const specks = 8;
/** Of 255: lossy compression changes a flat region by no more. */
const noise = 28;
/** In pixels: what is smaller is no region where edges are soft, and not where there is noise. */
const smallestRegion = 12;
const smallestNoisyRegion = 16;

/** @param isLossy whether the file's format changes values */
export const regionsOf = (levels: Levels, lie: Lie, isLossy: boolean): Regions => {
	const { areas, at } = levels;
	const all = [...levels.values.keys()];
	const regions = all.filter((level) => isRegion(levels, lie, level));
	const sumOf = (counts: Uint32Array, over: readonly number[]): number =>
		over.reduce((sum, level) => sum + (counts[level] ?? 0), 0);
	const byArea = (some: readonly number[]): number[] =>
		[...some].sort((a, b) => (areas[b] ?? 0) - (areas[a] ?? 0));

	const others = all.filter((level) => !regions.includes(level));
	const soft = sumOf(areas, others);
	if (soft < specks && !isLossy) {
		return { flat: byArea(all), isHard: true, softShare: 0 };
	}
	const bands = sumOf(
		areas,
		others.filter((level) => isBand(lie, level)),
	);
	const between = sumOf(lie.between, others);
	const isNoisy = isLossy || soft - Math.max(between, bands) > 0.25 * soft;
	const smallest = isNoisy ? smallestNoisyRegion : smallestRegion;
	// Noise around a large region looks like a gradient at its rim; its inside does not.
	const isSolid = (level: number): boolean => (lie.inner[level] ?? 0) >= 0.7 * (areas[level] ?? 0);
	const candidates = byArea(
		isNoisy ? all.filter((level) => isSolid(level) || !isBand(lie, level)) : regions,
	).filter((level) => (isNoisy ? (lie.inner[level] ?? 0) : (areas[level] ?? 0)) >= smallest);
	const flat: number[] = [];
	for (const level of candidates) {
		if (!isNoisy || flat.every((other) => distance(levels, level, other) > noise)) {
			flat.push(level);
		}
	}
	const near = all.filter((level) =>
		flat.some((other) => other === level || (isNoisy && distance(levels, level, other) <= noise)),
	);
	const rest = at.length - sumOf(areas, near);
	return {
		flat,
		isHard: false,
		softShare: rest / at.length,
	};
};

/** Largest difference of a channel. */
export const distance = ({ colours }: Levels, a: number, b: number): number => {
	let most = 0;
	for (let channel = 0; channel < 3; channel++) {
		most = Math.max(most, Math.abs(colours[a * 3 + channel]! - colours[b * 3 + channel]!));
	}
	return most;
};

/** How far around a soft pixel the regions that it blends are looked for, in pixels. */
const reaches = [1, 2, 4, 8] as const;

/**
 * Gives every pixel to one of the flat regions: soft ones to that of the regions around them whose colour is nearest.
 *
 * @returns [H × W] positions in `flat`
 */
export const assignToRegions = (levels: Levels, flat: readonly number[]): Uint8Array => {
	const { width, height, at, values } = levels;
	const unknown = 255;
	const positions = new Uint8Array(values.length).fill(unknown);
	for (const [position, level] of flat.entries()) {
		positions[level] = position;
	}
	const found = new Uint8Array(at.length);
	for (let pixel = 0; pixel < at.length; pixel++) {
		found[pixel] = positions[at[pixel]!]!;
	}
	const core = found.slice();
	const around = (x: number, y: number, reach: number): Set<number> => {
		const near = new Set<number>();
		for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
			for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
				const position = core[v * width + u]!;
				if (position !== unknown) {
					near.add(position);
				}
			}
		}
		return near;
	};
	const everything = new Set(flat.keys());
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			if (found[pixel] !== unknown) {
				continue;
			}
			const level = at[pixel]!;
			let near = everything;
			if (flat.length > 2) {
				for (const reach of reaches) {
					const candidates = around(x, y, reach);
					if (candidates.size > 1) {
						near = candidates;
						break;
					}
				}
			}
			let [best, nearest] = [0, Number.POSITIVE_INFINITY];
			for (const position of near) {
				const apart = squaredDistance(levels, level, flat[position]!);
				if (apart < nearest) {
					[best, nearest] = [position, apart];
				}
			}
			found[pixel] = best;
		}
	}
	return found;
};

const squaredDistance = ({ colours }: Levels, a: number, b: number): number => {
	let sum = 0;
	for (let channel = 0; channel < 3; channel++) {
		sum += (colours[a * 3 + channel]! - colours[b * 3 + channel]!) ** 2;
	}
	return sum;
};
