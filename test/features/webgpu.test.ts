import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNpy } from '../../src/store/npy.js';
import { maxDifference } from '../helpers/arrays.js';
import { runCli as propagate } from '../helpers/cli.js';
import { tinyAggregation, tinyWidths, writeTinyExport } from '../helpers/tiny-export.js';

/** A software Vulkan device, in Debian's chromium-common; other places by `VK_ICD_FILENAMES`. */
const device = process.env.VK_ICD_FILENAMES ?? '/usr/lib/chromium/vk_swiftshader_icd.json';

describe.skipIf(!existsSync(device))(`WebGPU (needs a Vulkan device: ${device})`, () => {
	let home: string;
	beforeAll(async () => {
		home = await mkdtemp(join(tmpdir(), 'propagate-webgpu-'));
	});
	afterAll(() => rm(home, { recursive: true }));

	it('gives the features that the CPU gives', { timeout: 900_000 }, async () => {
		const folder = await writeTinyExport(join(home, 'export'));
		const aggregation = join(home, 'aggregation.safetensors');
		await writeFile(aggregation, tinyAggregation(tinyWidths, { steps: 10, saved: [9, 8] }));
		const image = join(home, 'image.png');
		const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
		await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } }).toFile(image);
		const env = { PROPAGATE_HOME: join(home, 'home'), VK_ICD_FILENAMES: device };
		const run = async (...args: string[]): Promise<void> => {
			const { code, stderr } = await propagate(args, { env });
			expect(stderr).not.toMatch(/^propagate:/m);
			expect(code).toBe(0);
		};
		await run('models', 'import', folder, '--aggregation', aggregation, '--name', 'tiny');
		const featuresOn = async (where: string): Promise<Float32Array> => {
			const output = join(home, `${where}.npy`);
			await run('features', image, '--model', 'tiny', '--device', where, '-o', output);
			return parseNpy(await readFile(output)).data as Float32Array;
		};
		const onCpu = await featuresOn('cpu');
		const onGpu = await featuresOn('webgpu');
		expect(Math.max(...onCpu)).toBeGreaterThan(0.1);
		expect(maxDifference(onGpu, onCpu)).toBeLessThan(1e-3);
	});
});
