import { describe, expect, it } from 'vitest';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import { type MatteOptions, matteSettingsSchema, mattesOf } from '../../src/mattes/mattes.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { overBackground } from '../../src/output/compositing.js';

const width = 200;
const height = 160;
const pixels = width * height;

/** A red disc over blue-green stripes. @param blur pixels over which its edge goes from opaque to transparent */
const composite = (blur: number, background: (x: number) => readonly number[] = stripes) => {
	const data = new Uint8Array(pixels * 3);
	const alpha = new Float32Array(pixels);
	for (let at = 0; at < pixels; at++) {
		const [x, y] = [at % width, Math.floor(at / width)];
		const inside = Math.max(0, Math.min(1, (45 - Math.hypot(x - 100, y - 80)) / blur + 0.5));
		alpha[at] = inside;
		for (let c = 0; c < 3; c++) {
			const front = [220, 40 + ((x * 7 + y * 3) % 20), 50][c]!;
			data[at * 3 + c] = Math.round(inside * front + (1 - inside) * background(x)[c]!);
		}
	}
	return { image: { width, height, channels: 3, data } as Raster<3>, alpha };
};

const stripes = (x: number): readonly number[] => (x % 16 < 8 ? [20, 90, 130] : [30, 160, 90]);
const white = (): readonly [number, number, number] => [250, 250, 250];

const labelsOf = (ids: Uint8Array): LabelMap => ({ width, height, ids, palette: davisPalette });
const hardMask = (alpha: Float32Array): LabelMap =>
	labelsOf(Uint8Array.from(alpha, (value) => (value >= 0.5 ? 1 : 0)));

const mattes = (image: Raster<3>, labels: LabelMap, options: MatteOptions = {}) =>
	mattesOf(image, labels, matteSettingsSchema.parse(options));

const meanError = (found: ArrayLike<number>, truth: ArrayLike<number>): number => {
	let sum = 0;
	for (let at = 0; at < truth.length; at++) {
		sum += Math.abs(found[at]! - truth[at]!);
	}
	return sum / truth.length;
};

const area = ({ data }: Raster<1>): number => data.reduce((sum, value) => sum + value / 255, 0);

describe('soft alpha', () => {
	it.each([1, 3, 6])('finds an edge that goes over %i pixels from the colours, given a hard mask', (blur) => {
		const { image, alpha } = composite(blur);
		const labels = hardMask(alpha);
		const truth = alpha.map((value) => value * 255);
		const soft = meanError(mattes(image, labels).all.data, truth);
		const hard = meanError(mattes(image, labels, { alpha: 'hard' }).all.data, truth);
		expect(soft).toBeLessThan(0.55 * hard);
	});

	it('puts right a mask that is some pixels off', () => {
		const { image, alpha } = composite(1);
		const { ids } = hardMask(alpha);
		const shifted = labelsOf(ids.map((_, at) => ids[Math.max(0, at - 1)]!));
		const truth = alpha.map((value) => value * 255);
		const found = mattes(image, shifted);
		expect(meanError(found.all.data, truth)).toBeLessThan(
			0.6 * meanError(mattes(image, shifted, { alpha: 'hard' }).all.data, truth),
		);
	});

	it('gives colours that look right over another background, without a fringe of the old one', () => {
		const { image, alpha } = composite(5);
		const expected = composite(5, white).image.data;
		const found = mattes(image, hardMask(alpha));
		const over = (colours: Raster<3>) => overBackground(colours, found.all, white).data;
		const inEdge = (data: Uint8Array): Uint8Array =>
			data.filter((_, at) => (alpha[Math.floor(at / 3)] ?? 0) > 0 && (alpha[Math.floor(at / 3)] ?? 0) < 1);
		const own = meanError(inEdge(over(found.coloursOf(image))), inEdge(expected));
		const filmed = meanError(inEdge(over(image)), inEdge(expected));
		expect(own).toBeLessThan(12);
		expect(own).toBeLessThan(0.6 * filmed);
	});

	it('leaves colours alone where the object is opaque, and far away', () => {
		const { image, alpha } = composite(4);
		const colours = mattes(image, hardMask(alpha)).coloursOf(image);
		for (const at of [80 * width + 100, 10 * width + 10, 80 * width + 80]) {
			expect([...colours.data.subarray(at * 3, at * 3 + 3)]).toEqual([
				...image.data.subarray(at * 3, at * 3 + 3),
			]);
		}
	});

	it('shares pixels between objects that meet: together they have 255 at most', () => {
		const { image, alpha } = composite(6);
		const ids = Uint8Array.from(alpha, (value, at) => (value < 0.5 ? 0 : at % width < 100 ? 1 : 2));
		const found = mattes(image, labelsOf(ids));
		const [left, right] = [found.of(1).data, found.of(2).data];
		const sums = Array.from(left, (value, at) => value + right[at]!);
		expect(Math.max(...sums)).toBeLessThanOrEqual(255);
		expect(left[80 * width + 70]).toBe(255);
		expect(right[80 * width + 130]).toBe(255);
		expect(found.of(3).data.every((value) => value === 0)).toBe(true);
	});

	it('finds nothing where there is no object', () => {
		const { image } = composite(4);
		const found = mattes(image, labelsOf(new Uint8Array(pixels)), { grow: 5 });
		expect(found.all.data.every((value) => value === 0)).toBe(true);
		expect(found.coloursOf(image)).toBe(image);
	});

	it('can do frames that are smaller than its squares, and objects that fill them', () => {
		const data = Uint8Array.from({ length: 5 * 3 * 3 }, (_, at) => at * 5);
		const image: Raster<3> = { width: 5, height: 3, channels: 3, data };
		const full = { width: 5, height: 3, ids: new Uint8Array(15).fill(1), palette: davisPalette };
		expect([...mattes(image, full).all.data]).toEqual(Array(15).fill(255));
	});
});

describe('what is done to mattes', () => {
	const { image, alpha } = composite(1);
	const labels = hardMask(alpha);
	const radiusOf = (options: MatteOptions): number =>
		Math.sqrt(area(mattes(image, labels, options).all) / Math.PI);

	it.each(['soft', 'hard'] as const)('grows and shrinks %s ones by so many pixels', (alphaKind) => {
		expect(radiusOf({ alpha: alphaKind })).toBeCloseTo(45, 0);
		expect(radiusOf({ alpha: alphaKind, grow: 6 })).toBeCloseTo(51, 0);
		expect(radiusOf({ alpha: alphaKind, grow: -6 })).toBeCloseTo(39, 0);
	});

	it('feathers: edges get wider, and stay where they are', () => {
		const levels = (options: MatteOptions): number =>
			mattes(image, labels, options).all.data.filter((value) => value > 10 && value < 245).length;
		expect(levels({ feather: 12 })).toBeGreaterThan(3 * levels({}));
		expect(radiusOf({ feather: 12 })).toBeCloseTo(45, 0);
	});

	it('inverts, and leaves the colours of what is left as they were filmed', () => {
		const upright = mattes(image, labels);
		const inverted = mattes(image, labels, { invert: true });
		expect([...inverted.all.data]).toEqual(Array.from(upright.all.data, (value) => 255 - value));
		expect(inverted.coloursOf(image)).toBe(image);
	});

	it('hard edges are the mask itself, 0 or 255', () => {
		expect([...mattes(image, labels, { alpha: 'hard' }).all.data]).toEqual(
			Array.from(labels.ids, (id) => id * 255),
		);
	});
});
