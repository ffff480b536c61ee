import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { referenceColours } from '../../src/core/reference-colours.js';
import { openClip } from '../../src/media/clip.js';
import { readImage, writeImage } from '../../src/media/image.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { type BoxClip, makeBoxClip } from '../helpers/box-clip.js';
import { quickCliPath, records, runCli } from '../helpers/cli.js';
import { collect } from '../helpers/collect.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const FRAMES = 5;
let folder: string;
let good: BoxClip;
let layer: string;

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-edit-'));
	good = await makeBoxClip(folder, FRAMES);
	const data = new Uint8Array(96 * 64 * 4);
	for (let y = 24; y < 40; y++) {
		for (let x = 40; x < 60; x++) {
			data.set([255, 0, 255, 255], (y * 96 + x) * 4);
		}
	}
	layer = join(folder, 'layer.png');
	await writeImage(layer, { width: 96, height: 64, channels: 4, data });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[], cwd?: string) =>
	runCli([good.clip, ...args], {
		...(cwd === undefined ? {} : { cwd }),
		program: quickCliPath,
		env: { PROPAGATE_HOME: join(folder, 'home') },
	});

const refusal = async (...args: string[]): Promise<string> => {
	const output = join(temporaryFolder(), 'out');
	const { code, stderr } = await run([...args, ...(args.includes('-o') ? [] : ['-o', output])]);
	expect(code).toBe(2);
	expect(stderr.trim().split('\n')).toHaveLength(1);
	expect(existsSync(output)).toBe(false);
	return stderr.trim();
};

describe('propagate <clip> --edit <png>', () => {
	test('--behind hides the layer where the object is, and is refused without a mask', async () => {
		const output = join(temporaryFolder(), 'frames');
		const masked = ['--edit', layer, '--mask', good.mask, '--alpha', 'hard', '--end', '1'];
		const { code, stderr } = await run([...masked, '--behind', '-o', output]);
		expect({ code, stderr }).toMatchObject({ code: 0 });
		const [original] = await collect((await openClip(good.clip)).frames());
		const { data } = await readImage(join(output, '00000.png'));
		// All of the layer lies on the object.
		expect(Buffer.from(data).equals(Buffer.from(original?.image.data ?? []))).toBe(true);
		expect(await refusal('--edit', layer, '--behind')).toContain('give a mask of it with --mask');
	});

	test('writes a folder of edited frames, the first with the layer on it', async () => {
		const output = join(temporaryFolder(), 'frames');
		const { code, stdout, stderr } = await run(['--edit', layer, '-o', output, '--json']);
		expect({ code, stderr }).toMatchObject({ code: 0 });
		expect(records(stdout).at(-1)).toMatchObject({ type: 'done', frames: FRAMES, outputs: [output] });
		expect(readdirSync(output).filter((name) => name.endsWith('.png'))).toEqual(
			[0, 1, 2, 3, 4].map((frame) => `0000${frame}.png`),
		);

		const first = await readImage(join(output, '00000.png'));
		const [original] = await collect((await openClip(good.clip)).frames());
		const expected = Buffer.from(original?.image.data ?? []);
		for (let y = 24; y < 40; y++) {
			for (let x = 40; x < 60; x++) {
				expected.set([255, 0, 255], (y * 96 + x) * 3);
			}
		}
		expect(expected.equals(first.data)).toBe(true);
	});

	test('takes edits of several frames, which come back as they are', async () => {
		const other = join(folder, 'other.png');
		const green = new Uint8Array(96 * 64 * 4);
		for (let y = 24; y < 40; y++) {
			for (let x = 40; x < 60; x++) {
				green.set([0, 255, 0, 255], (y * 96 + x) * 4);
			}
		}
		await writeImage(other, { width: 96, height: 64, channels: 4, data: green });
		const output = join(temporaryFolder(), 'frames');
		const { code, stdout, stderr } = await run([
			...['--edit', `3=${other}`, '--edit', `1=${layer}`, '--mask', good.mask, '-o', output, '--json'],
		]);
		expect({ code, stderr }).toMatchObject({ code: 0 });
		expect(records(stdout).filter(({ type }) => type === 'edit')).toEqual([
			{ type: 'edit', frame: 1, path: layer, kind: 'layer', share: 320 / 6144 },
			{ type: 'edit', frame: 3, path: other, kind: 'layer', share: 320 / 6144 },
		]);
		expect(records(stdout).at(-1)).toMatchObject({ type: 'done', frames: FRAMES });
		const middle = async (frame: number) => {
			const { data } = await readImage(join(output, `0000${frame}.png`));
			return [...data.subarray((32 * 96 + 50) * 3, (32 * 96 + 50) * 3 + 3)];
		};
		expect(await middle(1)).toEqual([255, 0, 255]);
		expect(await middle(3)).toEqual([0, 255, 0]);
		// Between them it is on its way from one to the other.
		const [, between = 0] = await middle(2);
		expect(between).toBeGreaterThan(50);
		expect(between).toBeLessThan(205);
	});

	test('writes a video named after the clip when no place is given', async () => {
		const cwd = temporaryFolder();
		const { code, stderr } = await run(['--edit', layer, '--mask', good.mask, '--quiet'], cwd);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		expect(readdirSync(cwd)).toEqual(['clip-edit.mp4']);
		expect(await collect((await openClip(join(cwd, 'clip-edit.mp4'))).frames())).toHaveLength(FRAMES);
	});

	test('carries a map of colours instead, which shows where everything comes from', async () => {
		const output = join(temporaryFolder(), 'map');
		const { code, stderr } = await run(['--colormap', '--mask', good.mask, '-o', output, '--quiet']);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		const { ids, width, height } = await readLabelMap(good.mask);
		const inside = ids.map((id) => (id > 0 ? 1 : 0));
		const map = referenceColours({ width, height }, inside);
		const [original] = await collect((await openClip(good.clip)).frames());
		const first = await readImage(join(output, '00000.png'));
		const expected = [...inside].flatMap((isInside, pixel) => [
			...(isInside === 1
				? map.data.subarray(pixel * 4, pixel * 4 + 3)
				: (original?.image.data.subarray(pixel * 3, pixel * 3 + 3) ?? [])),
		]);
		expect(Buffer.from(first.data).equals(Buffer.from(expected))).toBe(true);
	});

	test('refuses edits that do not fit, with one sentence', async () => {
		const small = join(folder, 'small.png');
		await writeImage(small, { width: 8, height: 8, channels: 3, data: new Uint8Array(192) });
		expect(await refusal('--edit', small)).toContain('is 8×8, but the clip is 96×64');
		const unchanged = join(folder, 'same.png');
		const [first, , third] = await collect((await openClip(good.clip)).frames());
		for (const [frame, called] of [
			[first, 'the first frame'],
			[third, 'frame 2'],
		] as const) {
			await writeImage(unchanged, frame?.image as Raster<3>);
			expect(await refusal('--edit', `${frame?.index}=${unchanged}`)).toContain(
				`shows no difference from ${called}`,
			);
		}
		expect(await refusal('--edit', layer, '--colormap')).toContain('give one of them');
		expect(await refusal('--edit', layer, '--edit', `0=${layer}`)).toContain('are both of frame 0');
		expect(await refusal('--edit', `9=${layer}`)).toContain(
			`is of frame 9, but the run has ${FRAMES} frames`,
		);
		expect(await refusal('--edit', `1s=${layer}`)).toContain('the number of a frame before "="');
		expect(await refusal('--edit', layer, '-o', join(folder, 'x-overlay.mp4'))).toContain(
			'there is no --mask',
		);
	});
});

describe('propagate <clip> --mask <frame>=<png>', () => {
	test('refuses frames that the run does not have, and two masks of one frame', async () => {
		expect(await refusal('--mask', good.mask, '--mask', `9=${good.mask}`)).toContain(
			`is of frame 9, but the run has ${FRAMES} frames (0 to ${FRAMES - 1})`,
		);
		expect(await refusal('--mask', good.mask, '--mask', `0=${good.mask}`)).toContain('are both of frame 0');
	});
});
