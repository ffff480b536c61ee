import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatNpy, parseNpy } from '../../src/store/npy.js';
import { maxDifference } from '../helpers/arrays.js';
import { runCli as propagate } from '../helpers/cli.js';
import { referenceArray } from '../helpers/npy.js';
import { sharedAvailable } from '../helpers/shared.js';
import { readImage, reference, temporaryModels } from '../helpers/stable-diffusion.js';

describe.skipIf(!sharedAvailable)('Stable Diffusion on the command line (needs ../shared)', () => {
	let home: Awaited<ReturnType<typeof temporaryModels>>;
	beforeAll(async () => {
		home = await temporaryModels();
	});
	afterAll(() => home.remove());
	const run = async (...args: string[]): Promise<void> => {
		const result = await propagate(args, { env: { PROPAGATE_HOME: home.folder } });
		expect(result.stderr.replace(/^propagate: /m, '')).not.toMatch(/error/i);
		expect(result.code).toBe(0);
	};
	const result = async (name: string) => parseNpy(await readFile(join(home.folder, name)));

	it('imports an export and writes the published hyperfeatures', { timeout: 120_000 }, async () => {
		const unet = reference('sd15', 'unet_external', 'model.onnx');
		const vae = reference('sd15', 'vae_encoder_legacy', 'model.onnx');
		const aggregation = reference('inv1', 'aggregation_network.pt');
		await run(
			...['models', 'import', reference('sd15'), '--unet', unet, '--vae-encoder', vae],
			...['--aggregation', aggregation, '--name', 'one-step'],
		);
		await run('models', 'verify', 'one-step');
		const output = join(home.folder, 'features.npy');
		const image = reference('inputs', 'image2_112.png');
		await run('features', image, '--model', 'one-step', '-o', output);
		const expected = await referenceArray('inv1', 'hyperfeatures.npy');
		const map = await result('features.npy');
		expect(map.shape).toEqual([1, ...expected.shape.slice(1)]);
		const second = expected.data.slice(map.data.length) as Float32Array;
		expect(maxDifference(map.data as Float32Array, second)).toBeLessThan(1e-4);
	});

	it('generates the published images with their hyperfeatures', { timeout: 300_000 }, async () => {
		const aggregation = reference('inv50', 'aggregation_network.pt');
		// The reference's generation was asked for a coarser grid than the weights were trained on.
		await run(
			...['models', 'import', reference('sd15'), '--aggregation', aggregation],
			...['--grid', '12', '--name', 'fifty-steps'],
		);
		const { prompt, negative } = JSON.parse(await readFile(reference('inputs', 'tokens.json'), 'utf8')) as {
			[which in 'prompt' | 'negative']: { text: string };
		};
		const noise = reference('inputs', 'generation_noise.npy');
		const at = (name: string): string => join(home.folder, name);
		await run(
			...['generate', prompt.text, '--negative', negative.text, '--noise', noise, '--model', 'fifty-steps'],
			...['-o', at('image.png'), '--features', at('generated.npy'), '--latent', at('latent.npy')],
		);
		const features = await referenceArray('gen50', 'hyperfeatures.npy');
		expect(
			maxDifference((await result('generated.npy')).data as Float32Array, features.data as Float32Array),
		).toBeLessThan(5e-4);
		const latent = await referenceArray('gen50', 'final_x0.npy');
		expect(
			maxDifference((await result('latent.npy')).data as Float32Array, latent.data as Float32Array),
		).toBeLessThan(0.01);
		for (const index of [0, 1]) {
			const image = await readImage(at(`image-${index}.png`));
			const expected = await readImage(reference('gen50', `image${index + 1}.png`));
			expect([image.width, image.height]).toEqual([expected.width, expected.height]);
			expect(maxDifference(image.data, expected.data)).toBeLessThanOrEqual(1);
		}
		// Without guidance, the first noise only.
		const { data, shape } = await referenceArray('inputs', 'generation_noise.npy');
		const first = (data as Float32Array).slice(0, data.length / 2);
		await writeFile(at('noise.npy'), formatNpy(first, [1, ...shape.slice(1)]));
		await run(
			...['generate', prompt.text, '--guidance', '1', '--noise', at('noise.npy'), '--model', 'fifty-steps'],
			...['--latent', at('unguided.npy')],
		);
		const unguided = await referenceArray('gen50', 'final_x0_guidance_off.npy');
		const expected = (unguided.data as Float32Array).slice(0, first.length);
		expect(maxDifference((await result('unguided.npy')).data as Float32Array, expected)).toBeLessThan(0.01);
	});
});
