import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathInside } from '../../src/core/path-inside.js';
import type { Manifest } from '../../src/models/manifest.js';
import { readModelFolder } from '../../src/models/model-folder.js';
import { findModel, listModels } from '../../src/models/registry.js';
import { recordOfFile, verifyModel } from '../../src/models/verify.js';

let home: string;
beforeEach(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-registry-'));
});
afterEach(() => rm(home, { recursive: true }));

const install = async (name: string, changes: Partial<Manifest> = {}): Promise<string> => {
	const folder = join(home, 'models', name);
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, 'step.onnx'), 'not really a graph');
	const manifest: Manifest = {
		formatVersion: 1,
		name,
		kind: 'diffusion',
		description: 'A model for this test',
		license: 'CC0-1.0',
		graph: 'step.onnx',
		space: { kind: 'pixel' },
		image: { resize: { mode: 'fixed', width: 64, height: 64 }, mean: [0, 0, 0], std: [1, 1, 1] },
		schedule: {
			trainTimesteps: 1000,
			betaStart: 0.00085,
			betaEnd: 0.012,
			betaSchedule: 'scaled_linear',
			steps: 1,
			saveTimesteps: [0],
		},
		descriptor: { channels: 8, grid: { mode: 'stride', stride: 4 } },
		taps: [{ name: 'only', channels: 8, tensor: 'only' }],
		mixingWeights: [[1]],
		files: { 'step.onnx': await recordOfFile(join(folder, 'step.onnx')) },
		...changes,
	};
	await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
	return folder;
};

describe('the model registry', () => {
	it('finds models by name under PROPAGATE_HOME and by the path of their folder', async () => {
		const folder = await install('mine');
		const byName = await findModel('mine', { PROPAGATE_HOME: home });
		expect(byName.folder).toBe(folder);
		expect((await findModel(folder)).manifest.name).toBe('mine');
	});

	it('says which models there are when one is unknown', async () => {
		await install('mine');
		await expect(findModel('yours', { PROPAGATE_HOME: home })).rejects.toThrow(
			/no model "yours"; installed are .*mine.*models import/,
		);
	});

	it('lists a broken model with its error instead of hiding it', async () => {
		await install('good');
		const broken = await install('broken');
		await writeFile(join(broken, 'manifest.json'), '{"formatVersion": 1');
		const found = (await listModels({ PROPAGATE_HOME: home })).filter((model) =>
			model.folder.startsWith(home),
		);
		expect(found.map((model) => ('error' in model ? model.error.message : model.manifest.name))).toEqual([
			expect.stringMatching(/is not valid JSON/),
			'good',
		]);
	});

	it('explains what is wrong with a manifest in one line', async () => {
		const folder = await install('odd', { license: 7 as unknown as string });
		await expect(readModelFolder(folder)).rejects.toThrow(/license/);
		await expect(readModelFolder(folder)).rejects.not.toThrow(/\n/);
	});
});

describe('pathInside', () => {
	it('refuses names that lead out of the model', () => {
		expect(pathInside('/models/a', 'weights/unet.bin')).toBe('/models/a/weights/unet.bin');
		for (const name of ['../b/step.onnx', '/etc/passwd', 'weights/../../b', '.', 'a\0b']) {
			expect(() => pathInside('/models/a', name), name).toThrow(/outside its folder/);
		}
	});
});

describe('verifyModel', () => {
	it('tells changed, cut and missing files from good ones', async () => {
		const folder = await install('mine');
		const check = async (): Promise<string[]> => {
			const results: string[] = [];
			for await (const { file, result } of verifyModel(await readModelFolder(folder))) {
				results.push(`${file}: ${result}`);
			}
			return results;
		};
		expect(await check()).toEqual(['step.onnx: ok']);
		const graph = join(folder, 'step.onnx');
		await writeFile(graph, (await readFile(graph, 'utf8')).replace('really', 'REALLY'));
		expect(await check()).toEqual(['step.onnx: wrong checksum']);
		await writeFile(graph, 'short');
		expect(await check()).toEqual(['step.onnx: wrong size']);
		await rm(graph);
		expect(await check()).toEqual(['step.onnx: missing']);
	});
});
