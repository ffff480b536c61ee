import { describe, expect, it } from 'vitest';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import { type MatteOptions, MattesBefore, matteSettingsSchema, mattesOf } from '../../src/mattes/mattes.js';
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

	it('can do frames that are smaller than its windows, and objects that fill them', () => {
		const data = Uint8Array.from({ length: 5 * 3 * 3 }, (_, at) => at * 5);
		const image: Raster<3> = { width: 5, height: 3, channels: 3, data };
		const full = { width: 5, height: 3, ids: new Uint8Array(15).fill(1), palette: davisPalette };
		expect([...mattes(image, full).all.data]).toEqual(Array(15).fill(255));
	});
});

describe('fur that a mask has cut off', () => {
	/** A pale disc with strands all around, over greens; the mask has the disc alone. */
	const furry = () => {
		const alpha = new Float32Array(pixels);
		const data = new Uint8Array(pixels * 3);
		for (let at = 0; at < pixels; at++) {
			const [x, y] = [(at % width) - 100, Math.floor(at / width) - 80];
			const [distance, angle] = [Math.hypot(x, y), Math.atan2(y, x)];
			const strand = Math.max(0, Math.cos(angle * 40)) * Math.max(0, Math.min(1, (48 - distance) / 6));
			alpha[at] = distance < 41 ? 1 : strand;
			for (let c = 0; c < 3; c++) {
				const front = [220, 200, 180][c]!;
				const back = [30, 60 + 60 * Math.sin(x / 5) * Math.cos(y / 7), 30][c]!;
				data[at * 3 + c] = Math.round(alpha[at]! * (front - back) + back);
			}
		}
		const ids = Uint8Array.from(alpha, (_, at) =>
			Math.hypot((at % width) - 100, Math.floor(at / width) - 80) < 41 ? 1 : 0,
		);
		return { image: { width, height, channels: 3, data } as Raster<3>, alpha, labels: labelsOf(ids) };
	};

	it('is found by its colours', () => {
		const { image, alpha, labels } = furry();
		const truth = alpha.map((value) => value * 255);
		const soft = meanError(mattes(image, labels).all.data, truth);
		const hard = meanError(mattes(image, labels, { alpha: 'hard' }).all.data, truth);
		expect(soft).toBeLessThan(0.45 * hard);
	});

	it('has steps that are finer than those of 8 bits', () => {
		const { image, labels } = furry();
		const { data, deep } = mattes(image, labels).all;
		expect(new Set(deep).size).toBeGreaterThan(1000);
		expect(deep.every((value, at) => Math.abs(value / 257 - data[at]!) <= 0.5)).toBe(true);
	});
});

describe('--steady', () => {
	const steady = matteSettingsSchema.parse({ steady: true });
	const usual = matteSettingsSchema.parse({});

	/** The disc at a place, in colours that are not far from the background's, so that the mask has a say. */
	const discAt = (left: number) => {
		const data = new Uint8Array(pixels * 3);
		const alpha = new Float32Array(pixels);
		for (let at = 0; at < pixels; at++) {
			const [x, y] = [at % width, Math.floor(at / width)];
			alpha[at] = Math.max(0, Math.min(1, (45 - Math.hypot(x - left, y - 80)) / 3 + 0.5));
			for (let c = 0; c < 3; c++) {
				const front = [150, 90, 60][c]! + 25 * Math.sin((x - left) / 4) * Math.cos(y / 5);
				const back = [120, 110, 70][c]! + 25 * Math.sin(x / 6 + y / 9);
				data[at * 3 + c] = Math.round(alpha[at]! * (front - back) + back);
			}
		}
		return { image: { width, height, channels: 3, data } as Raster<3>, alpha };
	};

	/** A mask whose border wanders by some pixels from frame to frame. */
	const wandering = (alpha: Float32Array, frame: number): LabelMap =>
		labelsOf(
			Uint8Array.from(alpha, (_, at) => {
				const [x, y] = [at % width, Math.floor(at / width)];
				const off = Math.round(3 * Math.sin(y / 6 + frame * 2.1) * Math.cos(x / 7 + frame * 1.3));
				return (alpha[at + off] ?? 0) >= 0.5 ? 1 : 0;
			}),
		);

	const run = (settings: typeof usual, lefts: readonly number[], maskOf = wandering) => {
		const before = new MattesBefore();
		return lefts.map((left, frame) => {
			const { image, alpha } = discAt(left);
			const found = mattesOf(image, maskOf(alpha, frame), settings, before).all.data;
			return { found, truth: alpha.map((value) => value * 255) };
		});
	};

	const chatterOf = (frames: ReturnType<typeof run>): number =>
		frames.slice(1).reduce((sum, { found, truth }, n) => {
			const then = frames[n]!;
			const errors = found.map((value, at) => value - truth[at]!);
			let squares = 0;
			for (let at = 0; at < pixels; at++) {
				const change = found[at]! - then.found[at]!;
				squares += (change - (truth[at]! - then.truth[at]!)) ** 2;
			}
			return sum + Math.sqrt(squares / errors.length);
		}, 0);

	it.each([
		['stands still', [100, 100, 100, 100, 100]],
		['moves', [80, 85, 90, 95, 100]],
	])('lets the edge of what %s change less when its mask wanders', (_, lefts) => {
		expect(chatterOf(run(steady, lefts))).toBeLessThan(0.87 * chatterOf(run(usual, lefts)));
	});

	it.each([3, 12])('leaves no trace behind what moves %i pixels a frame', (speed) => {
		const lefts = [0, 1, 2, 3, 4].map((frame) => 70 + speed * frame);
		const lastOf = (settings: typeof usual): number => {
			const { found, truth } = run(settings, lefts, hardMask).at(-1) as ReturnType<typeof run>[number];
			return meanError(found, truth);
		};
		expect(lastOf(steady)).toBeLessThan(1.1 * lastOf(usual));
	});

	it('begins anew where the picture is another one', () => {
		const before = new MattesBefore();
		const { image, alpha } = composite(3);
		mattesOf(discAt(100).image, hardMask(discAt(100).alpha), steady, before);
		const cut = mattesOf(image, hardMask(alpha), steady, before).all.data;
		const alone = mattes(image, hardMask(alpha)).all.data;
		expect(meanError(cut, alone)).toBeLessThan(0.1);
	});
});

describe('--despill', () => {
	const screen = (): readonly number[] => [20, 190, 60];
	const skin = [215, 170, 150] as const;

	/** A disc of skin in front of a green screen, whose green falls on it, more towards its edge. */
	const spilled = (background: () => readonly number[]) => {
		const data = new Uint8Array(pixels * 3);
		const alpha = new Float32Array(pixels);
		for (let at = 0; at < pixels; at++) {
			const distance = Math.hypot((at % width) - 100, Math.floor(at / width) - 80);
			alpha[at] = Math.max(0, Math.min(1, (45 - distance) / 3 + 0.5));
			const spill = 0.25 * Math.max(0, Math.min(1, (distance - 30) / 15));
			for (let c = 0; c < 3; c++) {
				const back = background()[c]!;
				const front = skin[c]! * (1 - spill) + back * spill;
				data[at * 3 + c] = Math.round(alpha[at]! * (front - back) + back);
			}
		}
		return { image: { width, height, channels: 3, data } as Raster<3>, alpha };
	};

	/** Green beyond what the skin has, in the mean over the object's edge. */
	const greenness = ({ data }: Raster<3>): number => {
		let [sum, count] = [0, 0];
		for (let at = 0; at < pixels; at++) {
			const distance = Math.hypot((at % width) - 100, Math.floor(at / width) - 80);
			if (distance > 41 && distance < 44) {
				const [r, g, b] = [0, 1, 2].map((c) => data[at * 3 + c]!) as [number, number, number];
				sum += g - (r + b) / 2;
				count++;
			}
		}
		return sum / count;
	};

	it.each(['soft', 'hard'] as const)('takes the green of a screen out of %s cut-outs', (kind) => {
		const { image, alpha } = spilled(screen);
		const filmed = mattes(image, hardMask(alpha), { alpha: kind }).coloursOf(image);
		const cleaned = mattes(image, hardMask(alpha), { alpha: kind, despill: true }).coloursOf(image);
		expect(greenness(filmed)).toBeGreaterThan(10);
		expect(greenness(cleaned)).toBeLessThan(5);
	});

	it('leaves what has no green to spare', () => {
		const { image, alpha } = spilled(screen);
		const cleaned = mattes(image, hardMask(alpha), { despill: true }).coloursOf(image);
		const middle = (80 * width + 100) * 3;
		expect([...cleaned.data.subarray(middle, middle + 3)]).toEqual([...skin]);
	});

	it('changes nothing in front of what has no colour of its own', () => {
		const { image, alpha } = spilled(() => [90, 95, 85]);
		const labels = hardMask(alpha);
		const colours = mattes(image, labels, { despill: true }).coloursOf(image);
		expect([...colours.data]).toEqual([...mattes(image, labels).coloursOf(image).data]);
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
