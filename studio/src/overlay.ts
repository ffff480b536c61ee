import type { MarkedObject } from '../../src/studio/protocol';
import type { Box, IdMap } from './raster';

/** How masks are shown over the picture. */
export const displays = [
	'overlay',
	'outline',
	'checkerboard',
	'green',
	'matte',
	'picture',
	'edited',
] as const;
export type Display = (typeof displays)[number];

export type OverlayStyle = {
	readonly display: Display;
	/** 0..1, of the colour on objects. */
	readonly opacity: number;
	readonly objects: readonly MarkedObject[];
	readonly hidden: ReadonlySet<number>;
};

/** RGBA as one number, as `Uint32Array` over `ImageData` has it on machines whose least byte comes first: all that browsers run on. */
const rgba = (red: number, green: number, blue: number, alpha: number): number =>
	((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

const squares = [rgba(120, 120, 120, 255), rgba(160, 160, 160, 255)] as const;
const SQUARE = 12;

/**
 * Draws a part of a mask as it lies over the picture.
 *
 * @param box part of the map to draw; the rest of the canvas stays
 */
export const drawMask = (
	context: CanvasRenderingContext2D,
	map: IdMap | undefined,
	style: OverlayStyle,
	box: Box,
): void => {
	const [width, height] = [box.x1 - box.x0, box.y1 - box.y0];
	if (width <= 0 || height <= 0) {
		return;
	}
	if (map === undefined || style.display === 'picture' || style.display === 'edited') {
		context.clearRect(box.x0, box.y0, width, height);
		return;
	}
	const image = context.createImageData(width, height);
	const pixels = new Uint32Array(image.data.buffer);
	const { fill, edge } = tablesOf(style);
	const { ids } = map;
	for (let y = box.y0; y < box.y1; y++) {
		const row = y * map.width;
		const out = (y - box.y0) * width - box.x0;
		for (let x = box.x0; x < box.x1; x++) {
			const at = row + x;
			const id = ids[at]!;
			pixels[out + x] =
				id > 0 && edge !== undefined && isEdge(map, x, y, at, id)
					? edge[id]!
					: style.display === 'checkerboard' && fill[id] === 0 && (id === 0 || style.hidden.has(id))
						? (squares[(Math.floor(x / SQUARE) + Math.floor(y / SQUARE)) % 2] ?? 0)
						: fill[id]!;
		}
	}
	context.putImageData(image, box.x0, box.y0);
};

const isEdge = ({ width, height, ids }: IdMap, x: number, y: number, at: number, id: number): boolean =>
	(x > 0 && ids[at - 1] !== id) ||
	(x + 1 < width && ids[at + 1] !== id) ||
	(y > 0 && ids[at - width] !== id) ||
	(y + 1 < height && ids[at + width] !== id);

/** What each id is drawn as: inside, and at its edge where that is told apart. */
const tablesOf = ({ display, opacity, objects, hidden }: OverlayStyle) => {
	const fill = new Uint32Array(256);
	const edge = display === 'overlay' || display === 'outline' ? new Uint32Array(256) : undefined;
	const background =
		display === 'green' ? rgba(0, 177, 64, 255) : display === 'matte' ? rgba(0, 0, 0, 255) : 0;
	fill.fill(background);
	const colourOf = new Map(objects.map(({ id, colour }) => [id, Number.parseInt(colour.slice(1), 16)]));
	for (let id = 1; id < 256; id++) {
		if (hidden.has(id)) {
			continue;
		}
		const colour = colourOf.get(id) ?? 0xff4f64;
		const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255];
		if (edge !== undefined) {
			edge[id] = rgba(red, green, blue, 255);
			fill[id] = display === 'overlay' ? rgba(red, green, blue, Math.round(opacity * 255)) : 0;
		} else {
			fill[id] = display === 'matte' ? rgba(255, 255, 255, 255) : 0;
		}
	}
	return { fill, edge };
};
