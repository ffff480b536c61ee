import { davisPalette } from './davis-palette.js';

/**
 * What the pixels of a mask file mean as object ids. Masks come from many programs, which store the same thing in
 * different ways; each rule here is one way. 0 is background.
 */
export type Labels = { readonly ids: Uint8Array; readonly palette: Uint8Array };

/** Grey values up to this are taken as ids; above it they are levels of brightness. */
const highestSmallId = 32;

/** Ids that a label map can hold besides background. */
const mostFlatColours = 255;

/** In pixels. When most colours of a mask cover less, they are the blends of soft edges, not objects. */
const smallestObject = 8;

/** Soft (anti-aliased) edges make at least this many different greys; painted regions make fewer. */
const fewestSoftGreys = 32;

/**
 * - One value besides 0: object 1 if it is bright (255, 65535, 128 …), else the small id that it is.
 * - All values small (≤ 32): they are ids.
 * - Few different values (< 32): each is an object, and its id is its value.
 * - Many different values: a soft mask of one object, cut at half brightness.
 *
 * @param values one grey value a pixel
 * @param white the value of white: 255, or 65535 for 16 bits
 * @returns a string instead of labels when the mask cannot be stored in 255 ids
 */
export const labelsFromGrey = (values: Uint8Array | Uint16Array, white: number): Labels | string => {
	const used = valuesOf(values);
	used.delete(0);
	const highest = Math.max(0, ...used);
	if (highest <= highestSmallId) {
		return { ids: new Uint8Array(values), palette: davisPalette };
	}
	if (used.size === 1) {
		return { ids: marked(values, (value) => value > 0), palette: davisPalette };
	}
	if (used.size < fewestSoftGreys || (white > 255 && highest < white / 2)) {
		return highest <= 255
			? { ids: Uint8Array.from(values), palette: davisPalette }
			: `it has ids up to ${highest}, but at most 255 fit`;
	}
	const half = white / 2;
	return { ids: marked(values, (value) => value > half), palette: davisPalette };
};

/** 1 where a value is meant, else 0. */
const marked = (values: Uint8Array | Uint16Array, isMeant: (value: number) => boolean): Uint8Array => {
	// Each value is asked for once: a picture has far fewer than pixels, and calling a function for each of these takes ten times as long.
	const table = Uint8Array.from({ length: values instanceof Uint8Array ? 256 : 65536 }, (_, value) =>
		isMeant(value) ? 1 : 0,
	);
	const out = new Uint8Array(values.length);
	for (let at = 0; at < values.length; at++) {
		out[at] = table[values[at] as number] as number;
	}
	return out;
};

/** Which values there are; a picture has far fewer than pixels. */
const valuesOf = (values: Uint8Array | Uint16Array): Set<number> => {
	const isUsed = new Uint8Array(65536);
	for (let at = 0; at < values.length; at++) {
		isUsed[values[at] as number] = 1;
	}
	const used = new Set<number>();
	for (let value = isUsed.indexOf(1); value >= 0; value = isUsed.indexOf(1, value + 1)) {
		used.add(value);
	}
	return used;
};

/** One object where the picture is more opaque than transparent. */
export const labelsFromAlpha = (alpha: Uint8Array): Labels => ({
	ids: marked(alpha, (value) => value >= 128),
	palette: davisPalette,
});

/**
 * Every colour is an object and black is background. Colours of the DAVIS palette get their DAVIS ids; with other
 * colours the ids count up in the order in which the colours appear, and the palette holds those colours.
 *
 * @param rgb three bytes a pixel
 * @returns a string instead of labels when there are too many colours
 */
export const labelsFromColours = (rgb: Uint8Array): Labels | string => {
	const count = rgb.length / 3;
	const colours = new Uint32Array(count);
	const areas = new Map<number, number>();
	for (let pixel = 0; pixel < count; pixel++) {
		const colour =
			((rgb[pixel * 3] ?? 0) << 16) | ((rgb[pixel * 3 + 1] ?? 0) << 8) | (rgb[pixel * 3 + 2] ?? 0);
		colours[pixel] = colour;
		areas.set(colour, (areas.get(colour) ?? 0) + 1);
	}
	areas.delete(0);
	const order = [...areas.keys()];
	const specks = [...areas.values()].filter((area) => area < smallestObject).length;
	if (order.length > mostFlatColours || (order.length > 16 && specks > order.length / 2)) {
		return 'it has too many colours for a mask and looks like a picture or has soft edges';
	}
	const known = new Map(order.map((colour) => [colour, davisIds.get(colour)]));
	const isDavis = ![...known.values()].includes(undefined);
	const idOf = new Map(order.map((colour, at) => [colour, isDavis ? (known.get(colour) ?? 0) : at + 1]));
	const palette = isDavis ? davisPalette : Uint8Array.from([0, ...order].flatMap(bytesOf));
	return { ids: Uint8Array.from(colours, (colour) => idOf.get(colour) ?? 0), palette };
};

/**
 * The indices themselves, with their palette. Only when index 0 is another colour than black although black is in use
 * did a program sort its palette by frequency or brightness: then the colours say what is background.
 */
export const labelsFromIndices = (indices: Uint8Array, palette: Uint8Array): Labels | string => {
	const colourOf = (index: number): readonly number[] => [...palette.subarray(index * 3, index * 3 + 3)];
	const isBlack = (index: number): boolean => colourOf(index).every((value) => value === 0);
	const used = [...valuesOf(indices)];
	if (!isBlack(0) && used.some(isBlack)) {
		return labelsFromColours(
			Uint8Array.from({ length: indices.length * 3 }, (_, at) => {
				return palette[(indices[Math.floor(at / 3)] ?? 0) * 3 + (at % 3)] ?? 0;
			}),
		);
	}
	return { ids: indices, palette };
};

const bytesOf = (colour: number): number[] => [colour >> 16, (colour >> 8) & 255, colour & 255];

const davisIds: ReadonlyMap<number, number> = new Map(
	Array.from({ length: 22 }, (_, id) => {
		const [red = 0, green = 0, blue = 0] = davisPalette.subarray(id * 3);
		return [(red << 16) | (green << 8) | blue, id];
	}),
);
