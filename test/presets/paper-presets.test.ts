import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { backboneSchema } from '../../src/models/import/backbone-description.js';
import { loadDescription } from '../../src/models/import/data-file.js';
import { pairDescriptionSchema } from '../../src/models/import/import-pair-model.js';
import { loadPreset, presetNames } from '../../src/presets/preset.js';

/** Every system of the paper's tables 1, 2 and 4. */
const rows = [
	...['sd15', 'sd15-10', 'sd15-5', 'sd15-1', 'sd15-one-step', 'sd15-pruned', 'sd15-layer-pruned'],
	...['sd-layer-4', 'sd-concat-all', 'sd21', 'dino', 'dinov2', 'dino-aggregation', 'dinov2-aggregation'],
	...['dino-concat-all', 'dinov2-concat-all', 'dhpf', 'cats++'],
];

describe('the presets of the paper', () => {
	it('are all there, valid, and say how labels are carried', async () => {
		expect(await presetNames()).toEqual(expect.arrayContaining([...rows, 'default', 'paper']));
		const { propagation } = await loadPreset('default');
		for (const name of rows) {
			const preset = await loadPreset(name);
			expect(preset.name).toBe(name);
			expect(preset.model).toBeDefined();
			expect(preset.propagation).toEqual(propagation);
		}
	});

	it('stop after the calls of table 2', async () => {
		for (const [name, calls] of [
			['sd15-10', 10],
			['sd15-5', 5],
			['sd15-1', 1],
		] as const) {
			expect((await loadPreset(name)).features?.stopAfter).toBe(calls);
		}
	});

	it('have valid descriptions of their networks', async () => {
		const namesIn = async (folder: string): Promise<string[]> =>
			(await readdir(fileURLToPath(new URL(`../../presets/${folder}/`, import.meta.url)))).map((file) =>
				file.replace(/\.json$/, ''),
			);
		for (const name of await namesIn('backbones')) {
			expect((await loadDescription('backbones', name, backboneSchema)).name).toBe(name);
		}
		for (const name of await namesIn('pair-models')) {
			expect((await loadDescription('pair-models', name, pairDescriptionSchema)).name).toBe(name);
		}
		await expect(loadDescription('backbones', 'nonsense', backboneSchema)).rejects.toThrow(
			/no description "nonsense"; there are dino, dino-layers/,
		);
	});
});
