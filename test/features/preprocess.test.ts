import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { resizeBilinear } from '../../src/core/bilinear.js';
import type { Raster } from '../../src/core/frame.js';
import { pilResize } from '../../src/features/pil-resize.js';
import { inputSize, preprocess } from '../../src/features/preprocess.js';
import { crop, maxDifference } from '../helpers/arrays.js';
import { referenceArray } from '../helpers/npy.js';
import { shared, sharedAvailable } from '../helpers/shared.js';

const readImage = async (path: string): Promise<Raster<3>> => {
	const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
	return { width: info.width, height: info.height, channels: 3, data };
};

const toSymmetricRange = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as {
	mean: [number, number, number];
	std: [number, number, number];
};

describe('pilResize', () => {
	it('gives what Pillow gives: antialiased when shrinking, a triangle when enlarging', () => {
		// Image.fromarray(np.array([[0, 255, 0, 255, 90, 7]], np.uint8)).resize((w, 1), Image.BILINEAR)
		const row: Raster<1> = { width: 6, height: 1, channels: 1, data: Uint8Array.of(0, 255, 0, 255, 90, 7) };
		expect([...pilResize(row, 3, 1).data]).toEqual([109, 139, 78]);
		const pair: Raster<1> = { width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 200) };
		expect([...pilResize(pair, 4, 1).data]).toEqual([0, 50, 150, 200]);
	});

	it('resizes every channel by itself, whatever their number', () => {
		const rgba: Raster<4> = {
			width: 2,
			height: 1,
			channels: 4,
			data: Uint8Array.of(0, 10, 20, 0, 200, 10, 220, 100),
		};
		const { data } = pilResize(rgba, 4, 1);
		expect([...data]).toEqual([0, 10, 20, 0, 50, 10, 70, 25, 150, 10, 170, 75, 200, 10, 220, 100]);
	});

	it('leaves an image of the right size alone', () => {
		const image: Raster<3> = { width: 1, height: 2, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
		expect(pilResize(image, 1, 2)).toEqual(image);
	});
});

describe('resizeBilinear', () => {
	it('aligns pixel areas, clamps at the edges and does not antialias', () => {
		expect(resizeBilinear(Float32Array.of(0, 4), 1, 1, 2, 1, 4)).toEqual(Float32Array.of(0, 1, 3, 4));
		// Half the size: the mean of the two middle pixels of each four, whatever lies beyond.
		expect(resizeBilinear(Float32Array.of(9, 1, 3, 9), 1, 1, 4, 1, 1)).toEqual(Float32Array.of(2));
	});
});

describe('preprocess', () => {
	it('fits the short side and rounds both sides to the multiple', () => {
		const fit = { resize: { mode: 'fit', shortSide: 256, multiple: 32 }, ...toSymmetricRange } as const;
		expect(inputSize({ width: 854, height: 480 }, fit)).toEqual({ width: 448, height: 256 });
		expect(inputSize({ width: 480, height: 854 }, fit)).toEqual({ width: 256, height: 448 });
		expect(inputSize({ width: 4000, height: 100 }, fit)).toEqual({ width: 2048, height: 64 });
	});

	it('normalises to planes', () => {
		const image: Raster<3> = {
			width: 2,
			height: 1,
			channels: 3,
			data: Uint8Array.of(0, 255, 51, 255, 0, 102),
		};
		const fixed = { resize: { mode: 'fixed', width: 2, height: 1 }, ...toSymmetricRange } as const;
		const { data, dims } = preprocess(image, fixed);
		expect(dims).toEqual([1, 3, 1, 2]);
		[-1, 1, 1, -1, -0.6, -0.2].forEach((value, i) => {
			expect(data[i]).toBeCloseTo(value, 6);
		});
	});
});

describe.skipIf(!sharedAvailable)('parity with the published loader (needs ../shared)', () => {
	const inputs = (name: string): string => shared('fixtures', 'sd', 'inputs', name);

	it.each([
		['image1_256.png', 256],
		['image1_112.png', 112],
	])('shrinks the original photo to exactly the pixels of %s', async (name, side) => {
		const original = await readImage(inputs('original1.png'));
		const reference = await readImage(inputs(name));
		expect(Buffer.compare(pilResize(original, side, side).data, reference.data)).toBe(0);
	});

	it('makes the tensor', async () => {
		const image = await readImage(inputs('image1_256.png'));
		const { data } = preprocess(image, {
			resize: { mode: 'fixed', width: 256, height: 256 },
			...toSymmetricRange,
		});
		const reference = await referenceArray('inputs', 'image1_tensor_crop.npy');
		expect(reference.shape).toEqual([1, 3, 32, 32]);
		expect(maxDifference(crop(data, 3, 256, 32), reference.data as Float32Array)).toBeLessThan(1e-6);
	});

	it('enlarges an image that was loaded smaller', async () => {
		const image = await readImage(inputs('image1_112.png'));
		const { data } = preprocess(image, {
			resize: { mode: 'fixed', width: 256, height: 256 },
			...toSymmetricRange,
		});
		const reference = await referenceArray('inputs', 'image1_112_upsampled_to_256_crop.npy');
		expect(reference.shape).toEqual([1, 1, 128, 128]);
		expect(maxDifference(crop(data, 1, 256, 128), reference.data as Float32Array)).toBeLessThan(1e-5);
	});
});
