import { UserError } from '../errors.js';
import { paletteUpTo } from '../media/davis-palette.js';
import type { LabelMap } from '../media/frame.js';
import { readLabelMap } from '../media/label-map.js';
import { objectIds } from '../media/object-ids.js';
import type { Keyframe } from './keyframe.js';

/** A mask file and the frame it was painted on, counted from 0 among the frames of the run. */
export type PaintedMask = { readonly frame: number; readonly path: string };

export type Keyframes = {
	/** By ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Every object of every mask, ascending, background left out. */
	readonly objects: readonly number[];
	/** Colours for all of them: the first mask's, and of later ones for the objects that it lacks. */
	readonly palette: Uint8Array;
};

type ReadMask = Keyframe & { readonly path: string; readonly objects: readonly number[] };

/**
 * Reads the masks of a run. One after the first may be empty: there, nothing is to be seen.
 *
 * @throws UserError for two masks of one frame, masks of another size than the clip, no object at all, or masks that
 *   use their colours for different ids
 */
export const readKeyframes = async (
	masks: readonly PaintedMask[],
	clip: { readonly width: number; readonly height: number },
): Promise<Keyframes> => {
	const ordered = [...masks].sort((a, b) => a.frame - b.frame);
	for (const [position, mask] of ordered.entries()) {
		const next = ordered[position + 1];
		if (next?.frame === mask.frame) {
			throw new UserError(
				`The masks "${mask.path}" and "${next.path}" are both of frame ${mask.frame}; give one mask for each frame.`,
			);
		}
	}
	const read: ReadMask[] = [];
	for (const { frame, path } of ordered) {
		const mask = await readLabelMap(path);
		if (mask.width !== clip.width || mask.height !== clip.height) {
			throw new UserError(
				`The mask "${path}" is ${mask.width}×${mask.height}, but the clip is ${clip.width}×${clip.height}; make the mask on a frame of the clip.`,
			);
		}
		read.push({ frame, path, mask, objects: objectIds(mask) });
	}
	const objects = [...new Set(read.flatMap((mask) => mask.objects))].sort((a, b) => a - b);
	const [first] = read;
	if (first !== undefined && objects.length === 0) {
		throw new UserError(
			`The mask "${first.path}" is empty: no pixel belongs to an object; paint the object in it.`,
		);
	}
	requireSameMeaning(read);
	return {
		keyframes: read.map(({ frame, mask }) => ({ frame, mask })),
		objects,
		palette: joinPalettes(read),
	};
};

/**
 * The same colour for two different ids means that the masks number their objects differently, as programs do that
 * count colours in the order in which they appear.
 */
const requireSameMeaning = (masks: readonly ReadMask[]): void => {
	const known = new Map<string, { readonly id: number; readonly path: string }>();
	for (const { mask, path, objects } of masks) {
		const own = new Map(objects.map((id) => [colourOf(mask, id), id]));
		if (own.size < objects.length) {
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

const colourOf = ({ palette }: LabelMap, id: number): string =>
	`#${Buffer.from(palette.subarray(id * 3, id * 3 + 3)).toString('hex')}`;

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
