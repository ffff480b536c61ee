import { describe, expect, it } from 'vitest';
import { emptyFlow } from '../../src/core/backward-flow.js';
import type { Raster } from '../../src/core/frame.js';
import { referenceColours } from '../../src/core/reference-colours.js';
import { blendOnto, blendOpacity, warpBackward } from '../../src/pairs/warp-image.js';

const image: Raster<4> = {
	width: 3,
	height: 2,
	channels: 4,
	data: Uint8Array.from([
		...[10, 0, 0, 255, 20, 0, 0, 255, 30, 0, 0, 255],
		...[40, 0, 0, 255, 50, 0, 0, 255, 60, 0, 0, 0],
	]),
};

const flowTo = (...positions: number[]) => {
	const flow = emptyFlow({ width: positions.length / 2, height: 1 });
	flow.positions.set(positions);
	flow.confidence.fill(1);
	return flow;
};

const pixels = ({ data }: Raster): number[][] =>
	Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(i * 4, i * 4 + 4)]);

describe('sampling a warp', () => {
	it('copies the nearest pixel', () => {
		expect(pixels(warpBackward(image, flowTo(0.4, 0.4, 2, 0), 'nearest'))).toEqual([
			[10, 0, 0, 255],
			[30, 0, 0, 255],
		]);
	});

	it('mixes the pixels around a position, without the colour of transparent ones', () => {
		const wide = flowTo(0.5, 0, 1.5, 1, 0, 0, 0, 0, 0, 0, 0, 0);
		expect(pixels(warpBackward(image, wide, 'bilinear')).slice(0, 2)).toEqual([
			[15, 0, 0, 255],
			[50, 0, 0, 128],
		]);
	});

	it('is transparent where nothing was matched', () => {
		const flow = flowTo(0, 0, Number.NaN, Number.NaN);
		expect(pixels(warpBackward(image, flow, 'nearest'))[1]).toEqual([0, 0, 0, 0]);
	});

	it('shrinks a larger source first, so that no pixel of it is skipped', () => {
		// Stripes one pixel wide: sampled without care they come out black or white, not grey.
		const stripes: Raster<4> = {
			width: 64,
			height: 64,
			channels: 4,
			data: Uint8Array.from({ length: 64 * 64 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i >> 2) % 2 ? 255 : 0)),
		};
		const flow = emptyFlow({ width: 8, height: 8 });
		for (let i = 0; i < 64; i++) {
			flow.positions.set([(i % 8) * 8 + 3.5, Math.floor(i / 8) * 8 + 3.5], i * 2);
		}
		const [red] = pixels(warpBackward(stripes, flow, 'bilinear'))[27] ?? [];
		expect(red).toBeGreaterThan(110);
		expect(red).toBeLessThan(145);
	});
});

describe('putting a warp on the target', () => {
	const target: Raster<3> = {
		width: 2,
		height: 1,
		channels: 3,
		data: Uint8Array.from([0, 0, 0, 100, 100, 100]),
	};
	it('mixes by opacity and alpha', () => {
		const layer: Raster<4> = {
			width: 2,
			height: 1,
			channels: 4,
			data: Uint8Array.from([200, 200, 200, 255, 200, 200, 200, 0]),
		};
		expect([...blendOnto(target, layer, Float32Array.of(0.5, 1)).data]).toEqual([
			100, 100, 100, 100, 100, 100,
		]);
	});

	it('shows all of the mask but its edge, and without a mask what is matched with confidence', () => {
		const flow = emptyFlow({ width: 5, height: 5 });
		flow.confidence[3] = 1;
		const mask = Uint8Array.from({ length: 25 }, (_, i) => (i % 5 < 3 ? 1 : 0));
		const opacity = blendOpacity(flow, mask);
		expect([opacity[10], opacity[13]]).toEqual([1, 0]);
		expect(opacity[12]).toBeGreaterThan(0.5);
		expect(opacity[12]).toBeLessThan(1);
		expect([...blendOpacity(flow, undefined).subarray(2, 4)]).toEqual([0, 1]);
	});
});

describe('the reference colour map', () => {
	it('has a colour of its own everywhere, spans the mask and is transparent outside', () => {
		const mask = Uint8Array.from({ length: 64 }, (_, i) => (i % 8 >= 4 ? 1 : 0));
		const colours = pixels(referenceColours({ width: 8, height: 8 }, mask));
		const inside = colours.filter((colour) => colour[3] === 255);
		expect(inside).toHaveLength(32);
		expect(new Set(inside.map(String)).size).toBe(32);
		expect(colours[4]).toEqual(pixels(referenceColours({ width: 8, height: 8 }))[0]);
	});
});
