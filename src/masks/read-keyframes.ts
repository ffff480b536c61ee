import { UserError } from '../core/errors.js';
import { type Keyframe, objectIds } from '../core/frame.js';
import { inOrderOfFrames, type PaintedFile } from '../core/painted-file.js';
import type { ClipInfo } from '../media/clip-info.js';
import { davisPalette, paletteUpTo } from '../media/davis-palette.js';
import { readMask } from '../media/label-map.js';
import type { MaskMeaning, MaskType } from '../media/mask-meaning/meaning.js';

export type Keyframes = {
	/** By ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Every object of every mask, ascending, background left out. */
	readonly objects: readonly number[];
	/** Colours for all of them: the first mask's, and of later ones for the objects that it lacks. */
	readonly palette: Uint8Array;
	/** What each mask was understood to be, in the same order. */
	readonly understood: readonly UnderstoodMask[];
};

/** What a mask says, for the person to see whether it was understood. */
export type UnderstoodMask = {
	readonly frame: number;
	readonly path: string;
	readonly maskType: MaskType;
	readonly objects: readonly {
		readonly id: number;
		/** As `#rrggbb`. */
		readonly colour: string;
		/** Of the frame's pixels, 0..1. */
		readonly share: number;
	}[];
	/** Of all objects together. */
	readonly share: number;
	/** What was left out or looks odd. */
	readonly remark?: string | undefined;
};

type ReadMask = {
	readonly frame: number;
	readonly path: string;
	readonly mask: MaskMeaning;
	readonly objects: readonly number[];
};

/**
 * Reads the masks of a run. An object is its id, or its colour where masks have colours of their own, in all of them;
 * where a mask is just black and white, it is the one object that there is. A mask after the first may be empty: there,
 * nothing is to be seen.
 *
 * @param type what all masks are; found out when undefined
 * @throws UserError for two masks of one frame, masks of another size than the clip, no object at all, or masks that
 *   leave open which object is which
 */
export const readKeyframes = async (
	masks: readonly PaintedFile[],
	clip: Pick<ClipInfo, 'width' | 'height' | 'stored'>,
	type?: MaskType,
): Promise<Keyframes> => {
	const read: ReadMask[] = [];
	for (const { frame, path } of inOrderOfFrames(masks, 'mask')) {
		const mask = await readMask(path, { type, size: clip });
		read.push({ frame, path, mask, objects: objectIds(mask) });
	}
	const [first] = read;
	if (first !== undefined && read.every(({ objects }) => objects.length === 0)) {
		throw new UserError(
			`The mask "${first.path}" is empty: no pixel belongs to an object; paint the object in it (docs/first-mask.md).`,
		);
	}
	const numbering = numberObjects(read);
	const numbered = read.map((mask) => renumbered(mask, numbering(mask)));
	const objects = [...new Set(numbered.flatMap((mask) => mask.objects))].sort((a, b) => a - b);
	const palette = joinPalettes(numbered);
	return {
		keyframes: numbered.map(({ frame, mask: { width, height, ids, palette: own } }) => ({
			frame,
			mask: { width, height, ids, palette: own },
		})),
		objects,
		palette,
		understood: numbered.map((mask) => understood(mask, palette)),
	};
};

/** Of each object of a mask, the id that it has in the run. */
type Numbering = (mask: ReadMask) => ReadonlyMap<number, number>;

/** Of 255: a colour that was compressed or smoothed is still the same. */
const sameColour = 24;

/** @throws UserError when it stays open which object is which */
const numberObjects = (masks: readonly ReadMask[]): Numbering => {
	requireSameMeaning(masks);
	const fileId = ({ mask }: ReadMask, id: number): number => mask.fileIds?.get(id) ?? id;
	const withIds = masks.filter(({ mask }) => mask.knownBy === 'id');
	const fileIds = [...new Set(withIds.flatMap((mask) => mask.objects.map((id) => fileId(mask, id))))].sort(
		(a, b) => a - b,
	);
	const fits = (fileIds.at(-1) ?? 0) <= 255;
	const idOf = new Map(fileIds.map((id, at) => [id, fits ? id : at + 1]));
	const taken = new Set(idOf.values());
	requireRoom(taken.size);

	const colours: { readonly colour: Uint8Array; readonly id: number }[] = [];
	for (const mask of withIds) {
		for (const id of mask.objects) {
			colours.push({ colour: rgbOf(mask, id), id: idOf.get(fileId(mask, id)) ?? id });
		}
	}
	const numbers = new Map<ReadMask, ReadonlyMap<number, number>>(
		withIds.map((mask) => [mask, new Map(mask.objects.map((id) => [id, idOf.get(fileId(mask, id)) ?? id]))]),
	);
	for (const mask of masks.filter(({ mask: { knownBy } }) => knownBy === 'colour')) {
		const own = new Map<number, number>();
		for (const id of mask.objects) {
			const colour = rgbOf(mask, id);
			const known = nearest(colours, colour, new Set(own.values()));
			const number = known ?? (taken.has(id) ? freeId(taken) : id);
			taken.add(number);
			colours.push({ colour, id: number });
			own.set(id, number);
		}
		numbers.set(mask, own);
	}
	for (const mask of masks.filter(({ mask: { knownBy } }) => knownBy === 'nothing')) {
		const value = mask.mask.value;
		const meant = value === undefined ? undefined : idOf.get(value);
		const [only = 1] = taken;
		if (meant === undefined && taken.size > 1 && mask.objects.length > 0) {
			throw new UserError(
				`The mask "${mask.path}" marks one object, but the other masks have ${taken.size}, and it does not say which it is; paint it in that object's colour or id.`,
			);
		}
		numbers.set(mask, new Map(mask.objects.map((id) => [id, meant ?? only])));
	}
	return (mask) => numbers.get(mask) ?? new Map();
};

const requireRoom = (objects: number): void => {
	if (objects > 255) {
		throw new UserError(
			`The masks have ${objects} different objects, but at most 255 fit; give fewer in one run.`,
		);
	}
};

const freeId = (taken: ReadonlySet<number>): number => {
	for (let id = 1; id <= 255; id++) {
		if (!taken.has(id)) {
			return id;
		}
	}
	requireRoom(256);
	return 0;
};

/** The object with that colour, or nearly that; not one that the mask has in another colour. */
const nearest = (
	known: readonly { readonly colour: Uint8Array; readonly id: number }[],
	colour: Uint8Array,
	used: ReadonlySet<number>,
): number | undefined => {
	let [best, least] = [undefined as number | undefined, sameColour + 1];
	for (const candidate of known) {
		const apart = Math.max(...candidate.colour.map((value, at) => Math.abs(value - (colour[at] ?? 0))));
		if (apart < least && !used.has(candidate.id)) {
			[best, least] = [candidate.id, apart];
		}
	}
	return best;
};

/** Masks whose ids count, but whose palettes say something else: the same colour for two different ids. */
const requireSameMeaning = (masks: readonly ReadMask[]): void => {
	const known = new Map<string, { readonly id: number; readonly path: string }>();
	for (const { mask, path, objects } of masks) {
		const own = new Map(objects.map((id) => [colourOf(mask.palette, id), id]));
		if (own.size < objects.length || mask.knownBy !== 'id' || mask.fileIds !== undefined) {
			continue; // Colours that do not tell the mask's own objects apart say nothing.
		}
		for (const [colour, id] of own) {
			const earlier = known.get(colour);
			if (earlier !== undefined && earlier.id !== id) {
				throw new UserError(
					`The object with the colour ${colour} has the id ${earlier.id} in "${earlier.path}" but ${id} in "${path}"; give each object the same id in all masks.`,
				);
			}
			known.set(colour, earlier ?? { id, path });
		}
	}
};

const rgbOf = ({ mask }: ReadMask, id: number): Uint8Array =>
	paletteUpTo(mask.palette, id).slice(id * 3, id * 3 + 3);

const colourOf = (palette: Uint8Array, id: number): string =>
	`#${Buffer.from(palette.subarray(id * 3, id * 3 + 3)).toString('hex')}`;

const renumbered = (read: ReadMask, numbers: ReadonlyMap<number, number>): ReadMask => {
	if (read.objects.every((id) => numbers.get(id) === id)) {
		return read;
	}
	const table = Uint8Array.from({ length: 256 }, (_, id) => numbers.get(id) ?? 0);
	const objects = [...new Set(read.objects.map((id) => numbers.get(id) ?? id))].sort((a, b) => a - b);
	const palette = davisPalette.slice(0, ((objects.at(-1) ?? 0) + 1) * 3);
	for (const id of read.objects) {
		palette.set(rgbOf(read, id), (numbers.get(id) ?? id) * 3);
	}
	const ids = read.mask.ids.map((id) => table[id]!);
	return { ...read, objects, mask: { ...read.mask, ids, palette } };
};

const joinPalettes = (masks: readonly ReadMask[]): Uint8Array => {
	const [first] = masks;
	if (first === undefined) {
		return new Uint8Array(0);
	}
	const highest = Math.max(0, ...masks.flatMap(({ objects }) => objects));
	const palette = Uint8Array.from(paletteUpTo(first.mask.palette, highest));
	const coloured = new Set(first.objects);
	for (const { mask, objects } of masks.slice(1)) {
		for (const id of objects) {
			const colour = mask.palette.subarray(id * 3, id * 3 + 3);
			if (!coloured.has(id) && colour.length === 3) {
				palette.set(colour, id * 3);
			}
			coloured.add(id);
		}
	}
	return palette;
};

const understood = ({ frame, path, mask, objects }: ReadMask, palette: Uint8Array): UnderstoodMask => {
	const { width, height, ids } = mask;
	const areas = new Uint32Array(256);
	let [marked, rim] = [0, 0];
	for (let pixel = 0; pixel < ids.length; pixel++) {
		const id = ids[pixel]!;
		areas[id]! += 1;
		marked += id > 0 ? 1 : 0;
	}
	for (let x = 0; x < width; x++) {
		rim += (ids[x] === 0 ? 0 : 1) + (ids[(height - 1) * width + x] === 0 ? 0 : 1);
	}
	const looksInverted = mask.type !== 'ids' && marked > 0.5 * ids.length && rim > 1.8 * width;
	return {
		...{ frame, path, maskType: mask.type, share: marked / ids.length },
		objects: objects.map((id) => ({
			...{ id, colour: colourOf(palette, id) },
			share: (areas[id] ?? 0) / ids.length,
		})),
		remark: mask.remark ?? (looksInverted ? 'it marks what surrounds the rest: is it inverted?' : undefined),
	};
};
