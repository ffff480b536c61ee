import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportFeatures } from '../../src/jobs/export-features.js';
import { type GenerateJob, generateImages } from '../../src/jobs/generate-images.js';
import { matchPair } from '../../src/jobs/match-pair.js';
import { readImage } from '../../src/media/image.js';
import { findModel } from '../../src/models/registry.js';
import { parseNpy } from '../../src/store/npy.js';
import { sample } from '../helpers/cli.js';
import { makeQuickModel } from '../helpers/quick-model.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const SLOW = { timeout: 300_000 };

/** The bundled model on small pictures, in a few steps. */
const generated = async (change: Partial<GenerateJob> = {}) => {
	const folder = temporaryFolder();
	const model = makeQuickModel(join(folder, 'quick'));
	const at = (name: string): string => join(folder, name);
	const make = (seed: number) =>
		generateImages({
			...{ prompt: '', negativePrompt: '', guidance: 7.5, steps: 4, seed, model },
			...{ image: at(`${seed}.png`), features: at(`${seed}.npy`), ...change },
		});
	return { at, make, model };
};

describe('generation with the bundled model', SLOW, () => {
	it('makes pictures of pixels without a decoder, and their hyperfeatures', async () => {
		const { at, make } = await generated();
		await make(1);
		await make(2);
		const [one, other] = [await readImage(at('1.png')), await readImage(at('2.png'))];
		expect([one.width, one.height]).toEqual([32, 32]);
		expect(one.data).not.toEqual(other.data);
		const { shape, data } = parseNpy(await readFile(at('1.npy')));
		const { manifest } = await findModel();
		expect(shape).toEqual([1, manifest.descriptor.channels, 8, 8]);
		expect((data as Float32Array).every(Number.isFinite)).toBe(true);
	});

	it('matches two of its pictures by the features of their generation', async () => {
		const { at, make, model } = await generated();
		await make(1);
		await make(2);
		const pair = { source: at('1.png'), target: at('2.png'), mode: 'smooth', mutual: 5, model } as const;
		const matches = await matchPair({
			...pair,
			...{ sourceFeatures: at('1.npy'), targetFeatures: at('2.npy'), output: at('matches.png') },
		});
		expect(matches.length).toBeGreaterThan(0);
		expect((await readImage(at('matches.png'))).width).toBeGreaterThan(1000);
		// The features are those that were given: the pictures' own, by inversion, match otherwise.
		expect(matches).not.toEqual(await matchPair(pair));
	});

	it.each([
		['no steps', { steps: undefined }, 'for example --steps 50'],
		['one step', { steps: 1 }, 'for example --steps 50'],
		['more steps than timesteps', { steps: 1001 }, 'at most so many --steps'],
		['a prompt', { prompt: 'a cat' }, 'knows no prompts'],
	])('refuses %s', async (_, change, message) => {
		const { make } = await generated(change);
		await expect(make(1)).rejects.toThrow(message);
	});
});

describe('matching by saved features', SLOW, () => {
	it('finds what describing the images finds', async () => {
		const folder = temporaryFolder();
		const model = makeQuickModel(join(folder, 'quick'));
		const images = { source: sample('pair/source.jpg'), target: sample('pair/target.jpg') };
		const saved = { sourceFeatures: join(folder, 'a.npy'), targetFeatures: join(folder, 'b.npy') };
		await exportFeatures([images.source], { model, output: saved.sourceFeatures });
		await exportFeatures([images.target], { model, output: saved.targetFeatures });
		const job = { ...images, mode: 'smooth', points: '[[240, 200], [100, 50]]', model } as const;
		const described = await matchPair(job);
		expect(await matchPair({ ...job, ...saved })).toEqual(described);
	});

	it('refuses files that are no features of one image', async () => {
		const image = sample('pair/source.jpg');
		const job = { source: image, target: image, mode: 'smooth', points: '[[1, 1]]' } as const;
		await expect(matchPair({ ...job, sourceFeatures: 'gone.npy' })).rejects.toThrow(
			'The file of features "gone.npy" does not exist',
		);
		await expect(matchPair({ ...job, sourceFeatures: image })).rejects.toThrow('it is not a .npy file');
	});
});
