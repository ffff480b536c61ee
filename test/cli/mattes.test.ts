import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readImage, readImageWithAlpha } from '../../src/media/image.js';
import { type BoxClip, makeBoxClip } from '../helpers/box-clip.js';
import { quickCliPath, runCli } from '../helpers/cli.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

let folder: string;
let good: BoxClip;

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-mattes-'));
	good = await makeBoxClip(folder, 2);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[]) =>
	runCli([good.clip, '--mask', good.mask, ...args], {
		program: quickCliPath,
		env: { PROPAGATE_HOME: join(folder, 'home') },
	});

/** The first frame of the matte that is written with some options. */
const matte = async (...options: string[]): Promise<Buffer> => {
	const path = join(temporaryFolder(), 'matte.mkv');
	const { code, stderr } = await run(['-o', path, ...options]);
	expect({ code, stderr }).toMatchObject({ code: 0 });
	return ffmpeg('-i', path, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'gray', '-');
};

const whites = (pixels: Buffer): number => pixels.filter((value) => value > 127).length;

describe('propagate <clip> -o matte.mkv', () => {
	test('--alpha hard is black and white, and --feather makes greys of its edges', async () => {
		const hard = await matte('--alpha', 'hard');
		expect([...new Set(hard)].sort((a, b) => a - b)).toEqual([0, 255]);
		expect(new Set(await matte('--feather', '4')).size).toBeGreaterThan(10);
	});

	test('--grow and --invert change what is white', async () => {
		const plain = whites(await matte());
		expect(whites(await matte('--grow', '3'))).toBeGreaterThan(plain * 1.2);
		expect(whites(await matte('--grow', '-3'))).toBeLessThan(plain * 0.8);
		expect(whites(await matte('--invert'))).toBeCloseTo(96 * 64 - plain, -2);
	});

	test('--steady and --despill are taken, and --steady without soft edges is refused in a line', async () => {
		expect(new Set(await matte('--steady', '--despill')).size).toBeGreaterThan(1);
		const { code, stderr } = await run(['-o', join(folder, 'x.mkv'), '--steady', '--alpha', 'hard']);
		expect({ code, lines: stderr.trim().split('\n') }).toEqual({
			code: 2,
			lines: [expect.stringContaining('--steady is for soft edges; leave it or --alpha hard out.')],
		});
	});

	test('PNGs with transparency and grey ones show the same matte, and can be gone on with', async () => {
		const [cutOuts, mattes] = [join(temporaryFolder(), 'cut-outs'), join(temporaryFolder(), 'grey')];
		for (const options of [[], ['--resume']]) {
			const { code, stderr } = await run(['-o', cutOuts, '--format', 'alpha-png', ...options]);
			expect({ code, stderr }).toMatchObject({ code: 0 });
		}
		expect(await run(['-o', mattes, '--format', 'matte-png'])).toMatchObject({ code: 0 });
		const names = readdirSync(cutOuts).filter((name) => name.endsWith('.png'));
		expect(names).toEqual(['00000.png', '00001.png']);
		for (const name of names) {
			const cutOut = await readImageWithAlpha(join(cutOuts, name));
			const grey = await readImage(join(mattes, name));
			const alpha = Array.from({ length: 96 * 64 }, (_, pixel) => cutOut.data[pixel * 4 + 3]);
			expect(alpha).toEqual(Array.from({ length: 96 * 64 }, (_, pixel) => grey.data[pixel * 3]));
			expect(new Set(alpha).size).toBeGreaterThan(1);
		}
	});

	test.each([
		['--alpha', 'middling', 'soft, hard'],
		['--feather', 'much', 'number of pixels'],
		['--feather', '-1', '--feather'],
		['--grow', '1000', '--grow'],
	])('%s %s is refused in a line', async (option, value, reason) => {
		const path = join(temporaryFolder(), 'matte.mkv');
		const { code, stderr } = await run(['-o', path, option, value]);
		expect(code).toBe(2);
		expect(stderr.trim().split('\n')).toHaveLength(1);
		expect(stderr).toContain(reason);
		expect(existsSync(path)).toBe(false);
	});
});
