import sharp from 'sharp';
import type { Size } from '../core/size.js';
import { type Raster, UserError } from '../index.js';
import type { Place } from './protocol.js';

/** A sticker of so many pixels, when it is turned and made larger, is none any more. */
const MOST_PLACED_PIXELS = 2 ** 27;

/** A place in the middle of a box. */
export const placeIn = ({ width, height }: Size, x: number, y: number, size: number): Place => ({
	...{ x, y, angle: 0 },
	scale: Math.min(1e3, Math.max(1e-3, size / Math.max(width, height))),
});

/**
 * A layer of a frame's size with a sticker in its place.
 *
 * @throws UserError when nothing of it lies on the frame
 */
export const placedSticker = async (
	{ width, height, data }: Raster<4>,
	{ x, y, scale, angle }: Place,
	frame: Size,
): Promise<Raster<4>> => {
	const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
	if (w * h > MOST_PLACED_PIXELS) {
		throw new UserError('The sticker is too large; make it smaller.');
	}
	const resized = await sharp(data, { raw: { width, height, channels: 4 } })
		.resize(w, h, { fit: 'fill' })
		.raw()
		.toBuffer();
	const turned = await sharp(resized, { raw: { width: w, height: h, channels: 4 } })
		.rotate(angle, { background: { r: 0, g: 0, b: 0, alpha: 0 } })
		.raw()
		.toBuffer({ resolveWithObject: true });
	const { width: across, height: down } = turned.info;
	const [left, top] = [Math.round(x - across / 2), Math.round(y - down / 2)];
	const layer = new Uint8Array(frame.width * frame.height * 4);
	const [from, to] = [Math.max(0, -left), Math.min(across, frame.width - left)];
	for (let row = Math.max(0, -top); row < Math.min(down, frame.height - top) && from < to; row++) {
		const begin = row * across;
		layer.set(
			turned.data.subarray((begin + from) * 4, (begin + to) * 4),
			((row + top) * frame.width + left + from) * 4,
		);
	}
	if (layer.every((value, at) => at % 4 !== 3 || value === 0)) {
		throw new UserError('The sticker lies outside of the picture; move it onto the object.');
	}
	return { ...frame, channels: 4, data: layer };
};
