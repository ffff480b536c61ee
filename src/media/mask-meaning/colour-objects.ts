import type { Size } from '../../core/size.js';
import { davisPalette, vocPalette } from '../davis-palette.js';
import { type Answer, mostObjects, Unclear } from './meaning.js';

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
export const colourObjects = (
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
