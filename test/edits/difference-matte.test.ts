import { describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { differenceMatte } from '../../src/edits/difference-matte.js';
import { drawScene, slidingSquare } from '../helpers/textured-clip.js';

const { image: original } = drawScene(slidingSquare, 0);

const withAlpha = (image: Raster<3>): Raster<4> => {
	const data = new Uint8Array(image.width * image.height * 4).fill(255);
	for (let pixel = 0; pixel < image.width * image.height; pixel++) {
		data.set(image.data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
	}
	return { ...image, channels: 4, data };
};

/** A red disc with antialiased border around (60, 40), as a paint program draws it. */
const paintDisc = (image: Raster<4>, radius: number): Raster<4> => {
	const data = Uint8Array.from(image.data);
	for (let y = 0; y < image.height; y++) {
		for (let x = 0; x < image.width; x++) {
			const share = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x - 60, y - 40)));
			[240, 20, 30].forEach((colour, channel) => {
				const at = (y * image.width + x) * 4 + channel;
				data[at] = Math.round(image.data[at]! * (1 - share) + colour * share);
			});
		}
	}
	return { ...image, data };
};

/** What JPEG does to flat and busy parts alike: a few levels up or down. */
const compress = (image: Raster<4>): Raster<4> => ({
	...image,
	data: image.data.map((value, at) =>
		at % 4 === 3 ? 255 : Math.max(0, Math.min(255, value + ((at * 7919) % 5) - 2)),
	),
});

const over = (layer: Raster<4>, below: Raster<3>): Uint8Array =>
	below.data.map((value, at) => {
		const pixel = Math.floor(at / 3);
		const opacity = layer.data[pixel * 4 + 3]! / 255;
		return Math.round(layer.data[pixel * 4 + (at % 3)]! * opacity + value * (1 - opacity));
	});

describe('the edit in an edited frame', () => {
	it('gives the edited frame again when it is put over the original', () => {
		const edited = paintDisc(withAlpha(original), 12);
		const layer = differenceMatte(original, edited);
		const again = over(layer as Raster<4>, original);
		const worst = again.reduce(
			(most, value, at) => Math.max(most, Math.abs(value - edited.data[Math.floor(at / 3) * 4 + (at % 3)]!)),
			0,
		);
		expect(worst).toBeLessThanOrEqual(4);
	});

	it('is opaque inside, soft at the border and nothing elsewhere, also after compression', () => {
		const layer = differenceMatte(original, compress(paintDisc(withAlpha(original), 12)));
		const opacity = (x: number, y: number): number => layer?.data[(y * 112 + x) * 4 + 3] ?? -1;
		expect(opacity(60, 40)).toBe(255);
		expect(opacity(55, 44)).toBe(255);
		expect(opacity(90, 40)).toBe(0);
		expect(opacity(60, 10)).toBe(0);
		const border = Array.from({ length: 112 }, (_, x) => opacity(x, 40)).filter((a) => a > 0 && a < 255);
		expect(border.length).toBeLessThanOrEqual(6);
	});

	it('has no holes where the paint happens to have the colour of what was there', () => {
		const same = paintDisc(withAlpha(original), 12);
		for (let y = 38; y < 42; y++) {
			for (let x = 58; x < 62; x++) {
				same.data.set(original.data.subarray((y * 112 + x) * 3, (y * 112 + x) * 3 + 3), (y * 112 + x) * 4);
			}
		}
		const layer = differenceMatte(original, same);
		expect(layer?.data[(40 * 112 + 60) * 4 + 3]).toBeGreaterThan(0);
	});

	it('is not made up from compression noise or single specks', () => {
		expect(differenceMatte(original, compress(withAlpha(original)))).toBeUndefined();
		const speck = withAlpha(original);
		speck.data.set([255, 255, 255], (20 * 112 + 20) * 4);
		expect(differenceMatte(original, speck)).toBeUndefined();
	});
});
