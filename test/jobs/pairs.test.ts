import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { flowError } from '../../src/evaluation/pairs/evaluate-flow.js';
import { matchPair } from '../../src/jobs/match-pair.js';
import { warpPair } from '../../src/jobs/warp-pair.js';
import { parseFlow } from '../../src/media/flow-file.js';
import { readImage } from '../../src/media/image.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { maxDifference } from '../helpers/arrays.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { texture } from '../helpers/textures.js';
import { writeTinyModel } from '../helpers/tiny-model.js';

const sample = (name: string): string =>
	fileURLToPath(new URL(`../../samples/pair/${name}`, import.meta.url));

const toPng = (image: Raster) =>
	sharp(image.data, { raw: { width: image.width, height: image.height, channels: image.channels } });

const readFlow = async (path: string) => parseFlow(await readFile(path), path);

/** Describing an image takes a second or two, and much longer on a busy machine. */
const SLOW = { timeout: 300_000 };

describe('warping with the bundled model', () => {
	it('finds the sample bird in another pose to less than a cell', SLOW, async () => {
		const folder = temporaryFolder();
		const { meanConfidence } = await warpPair({
			source: sample('source.jpg'),
			target: sample('target.jpg'),
			sourceMask: sample('source-mask.png'),
			targetMask: sample('target-mask.png'),
			mode: 'smooth',
			flow: join(folder, 'flow.flo'),
			output: join(folder, 'out.png'),
			confidence: join(folder, 'confidence.png'),
		});
		const truth = await readFlow(sample('target-to-source.png'));
		const { ids } = await readLabelMap(sample('target-mask.png'));
		// 88 cells over 512 pixels.
		const cell = 512 / 88;
		const { endPointError, accuracy } = flowError(await readFlow(join(folder, 'flow.flo')), truth, ids, cell);
		expect(endPointError).toBeLessThan(cell);
		expect(accuracy).toBeGreaterThan(0.8);
		const { info, data } = await sharp(join(folder, 'out.png')).raw().toBuffer({ resolveWithObject: true });
		expect([info.width, info.height, info.channels]).toEqual([512, 384, 4]);
		// Opaque inside the target's mask and nowhere else.
		expect(ids.every((id, pixel) => (id > 0 ? 255 : 0) === data[pixel * 4 + 3])).toBe(true);

		const { width, height, data: trust } = await readImage(join(folder, 'confidence.png'));
		expect([width, height]).toEqual([512, 384]);
		const greys = ids.map((_, pixel) => trust[pixel * 3] ?? 0);
		expect(greys.every((grey, pixel) => ids[pixel] !== 0 || grey === 0)).toBe(true);
		const within = greys.filter((_, pixel) => (ids[pixel] ?? 0) > 0);
		const mean = within.reduce((sum, grey) => sum + grey, 0) / within.length;
		expect(mean / 255).toBeCloseTo(meanConfidence, 2);
		expect(meanConfidence).toBeGreaterThan(0.1);
	});

	it('gives back the image itself when source and target are the same', SLOW, async () => {
		const folder = temporaryFolder();
		const output = join(folder, 'same.png');
		const path = sample('source.jpg');
		await warpPair({ source: path, target: path, mode: 'smooth', output });
		const [before, after] = [await readImage(path), await readImage(output)];
		expect(maxDifference(after.data, before.data)).toBe(0);
	});

	it('finds its way in an affine copy to less than a cell', SLOW, async () => {
		const folder = temporaryFolder();
		const [width, height] = [320, 256];
		const affine = (x: number, y: number): [number, number] => [
			0.9 * x + 0.08 * y + 10,
			-0.06 * x + 0.94 * y + 14,
		];
		await toPng(texture(width, height)).png().toFile(join(folder, 'a.png'));
		await toPng(texture(width, height, 1, affine))
			.png()
			.toFile(join(folder, 'b.png'));
		const flowPath = join(folder, 'flow.png');
		await warpPair({
			source: join(folder, 'a.png'),
			target: join(folder, 'b.png'),
			mode: 'smooth',
			flow: flowPath,
		});
		const found = await readFlow(flowPath);
		const truth = { ...found, positions: new Float32Array(found.positions.length) };
		const inside = new Uint8Array(width * height);
		for (let i = 0; i < width * height; i++) {
			const [x, y] = affine(i % width, Math.floor(i / width));
			truth.positions.set([x, y], i * 2);
			inside[i] = x >= 0 && y >= 0 && x < width && y < height ? 1 : 0;
		}
		const { endPointError } = flowError(found, truth, inside, 4);
		expect(endPointError).toBeLessThan(4);
	});

	it('finds every landmark of an image in the image itself', SLOW, async () => {
		const matches = await matchPair({
			source: sample('source.jpg'),
			target: sample('source.jpg'),
			mode: 'smooth',
			points: sample('points.json'),
		});
		expect(matches.map(({ name }) => name)).toContain('crest');
		for (const { source, target } of matches) {
			expect(Math.hypot(source[0] - target[0], source[1] - target[1])).toBeLessThan(0.1);
		}
	});
});

describe('pairs of awkward images', SLOW, () => {
	/** A texture written in several ways, and the same model for all of them. */
	const prepared = async (width: number, height: number) => {
		const folder = temporaryFolder();
		const model = await writeTinyModel(folder);
		const image = texture(width, height);
		const path = join(folder, 'plain.png');
		await toPng(image).png().toFile(path);
		return { folder, model, image, path };
	};

	it.each([
		['odd sizes', 157, 101],
		['portrait', 98, 170],
		['landscape', 260, 96],
	])('%s: points and warps stay in place', async (_, width, height) => {
		const { model, path, folder, image } = await prepared(width, height);
		const points = [
			[0, 0],
			[width - 1, height - 1],
			[width / 3, height / 4],
		];
		const matches = await matchPair({
			source: path,
			target: path,
			model,
			mode: 'smooth',
			points: JSON.stringify(points),
		});
		matches.forEach(({ target }, index) => {
			expect(
				Math.hypot(target[0] - (points[index]?.[0] ?? 0), target[1] - (points[index]?.[1] ?? 0)),
			).toBeLessThan(0.5);
		});
		for (const mode of ['smooth', 'paper'] as const) {
			const output = join(folder, `${mode}.png`);
			await warpPair({ source: path, target: path, model, mode, output });
			const warped = await readImage(output);
			expect([warped.width, warped.height]).toEqual([width, height]);
			const meanDifference =
				warped.data.reduce((sum, value, i) => sum + Math.abs(value - (image.data[i] ?? 0)), 0) /
				warped.data.length;
			expect(meanDifference).toBeLessThan(mode === 'smooth' ? 0.5 : 4);
		}
	});

	it('a photo turned by EXIF is matched as it is displayed', async () => {
		const { model, path, folder, image } = await prepared(150, 100);
		const turned = join(folder, 'turned.jpg');
		// Stored lying on its side, with the tag that says so.
		const { data, info } = await toPng(image).rotate(270).raw().toBuffer({ resolveWithObject: true });
		await sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } })
			.withMetadata({ orientation: 6 })
			.jpeg({ quality: 98, chromaSubsampling: '4:4:4' })
			.toFile(turned);
		const [match] = await matchPair({
			source: path,
			target: turned,
			model,
			mode: 'smooth',
			points: '[[120, 30]]',
		});
		expect(Math.hypot((match?.target[0] ?? 0) - 120, (match?.target[1] ?? 0) - 30)).toBeLessThan(1.5);
	});

	it('grey images, 16 bits and alpha', async () => {
		const { model, path, folder, image } = await prepared(150, 100);
		await toPng(image).greyscale().toColourspace('b-w').png().toFile(join(folder, 'grey.png'));
		await toPng(image).toColourspace('rgb16').png().toFile(join(folder, 'deep.png'));
		await toPng(image).ensureAlpha(0.5).png().toFile(join(folder, 'alpha.png'));
		expect((await sharp(join(folder, 'deep.png')).metadata()).depth).toBe('ushort');
		for (const [source, target] of [
			['grey.png', 'grey.png'],
			['plain.png', 'deep.png'],
			['alpha.png', 'plain.png'],
		] as const) {
			const [match] = await matchPair({
				source: join(folder, source),
				target: join(folder, target),
				model,
				mode: 'smooth',
				points: '[[40, 70]]',
			});
			expect(Math.hypot((match?.target[0] ?? 0) - 40, (match?.target[1] ?? 0) - 70)).toBeLessThan(0.5);
		}
		// A half-transparent source stays half transparent.
		const output = join(folder, 'warped.png');
		await warpPair({ source: join(folder, 'alpha.png'), target: path, model, mode: 'smooth', output });
		const { data, info } = await sharp(output).raw().toBuffer({ resolveWithObject: true });
		expect(info.channels).toBe(4);
		expect(data[3]).toBeGreaterThan(120);
		expect(data[3]).toBeLessThan(135);
	});
});

describe('what goes wrong with pairs', SLOW, () => {
	it('is said by name, and nothing is written', async () => {
		const folder = temporaryFolder();
		const model = await writeTinyModel(folder);
		const path = join(folder, 'image.png');
		await toPng(texture(60, 50)).png().toFile(path);
		const match = (points: string) =>
			matchPair({
				source: path,
				target: path,
				model,
				mode: 'nearest',
				points,
				output: join(folder, 'o.json'),
			});
		await expect(match('[[10, 10], [60, 20]]')).rejects.toThrow(/Point 2 at \[60, 20\] is outside/);
		await expect(match('[{"x": 5, "y": -3, "name": "eye"}]')).rejects.toThrow(/Point 1 \("eye"\)/);
		await expect(match('[[1, 2')).rejects.toThrow(/not valid JSON/);
		await expect(match('{"points": "many"}')).rejects.toThrow(/expected \[\[x, y\]/);
		await expect(match(join(folder, 'none.json'))).rejects.toThrow(/does not exist/);
		expect(() => readFileSync(join(folder, 'o.json'))).toThrow();

		const warp = (more: object) => warpPair({ source: path, target: path, model, mode: 'smooth', ...more });
		await expect(warp({})).rejects.toThrow(/Nothing to write/);
		await expect(warp({ output: join(folder, 'o.gif') })).rejects.toThrow(/not a name for an image/);
		await expect(warp({ output: path })).rejects.toThrow(
			/exists already; choose another name, or add --overwrite/,
		);
		const link = join(folder, 'link.png');
		symlinkSync(join(folder, 'nowhere.png'), link);
		await expect(warp({ output: link })).rejects.toThrow(/link\.png" exists already/);
		const mask = join(folder, 'mask.png');
		await toPng({ ...texture(30, 20), channels: 3 })
			.threshold(128)
			.png()
			.toFile(mask);
		await expect(warp({ output: join(folder, 'o.png'), targetMask: mask })).rejects.toThrow(
			/30×20, but the target image is 60×50/,
		);
	});

	it('points come from CSV with and without a header', async () => {
		const folder = temporaryFolder();
		const model = await writeTinyModel(folder);
		const path = join(folder, 'image.png');
		mkdirSync(folder, { recursive: true });
		await toPng(texture(80, 60)).png().toFile(path);
		writeFileSync(join(folder, 'a.csv'), 'name,x,y\nnose,10,12.5\ntail,30,40\n');
		writeFileSync(join(folder, 'b.csv'), '10,12.5\n30,40\n');
		for (const file of ['a.csv', 'b.csv']) {
			const matches = await matchPair({
				source: path,
				target: path,
				model,
				mode: 'nearest',
				points: join(folder, file),
			});
			expect(matches.map(({ source }) => source)).toEqual([
				[10, 12.5],
				[30, 40],
			]);
			expect(matches[0]?.name).toBe(file === 'a.csv' ? 'nose' : undefined);
		}
	});

	it('the picture of matches shows both images side by side', async () => {
		const folder = temporaryFolder();
		const model = await writeTinyModel(folder);
		const path = join(folder, 'image.png');
		await toPng(texture(80, 60)).png().toFile(path);
		const output = join(folder, 'matches.png');
		await matchPair({ source: path, target: path, model, mode: 'nearest', mutual: 4, output });
		const { width, height } = await sharp(output).metadata();
		expect([width, height]).toEqual([720 * 2 + 16, 540]);
	});
});
