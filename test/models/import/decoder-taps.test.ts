import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { findDecoderTaps } from '../../../src/models/import/decoder-taps.js';
import { openClipTokenizer } from '../../../src/models/prompts/clip-tokenizer.js';
import { embedPrompts } from '../../../src/models/prompts/prompt-embedding.js';
import { readModel } from '../../../src/onnx/read-model.js';
import { openRuntime } from '../../../src/runtime/onnx-runtime.js';
import { maxDifference } from '../../helpers/arrays.js';
import { referenceArray } from '../../helpers/npy.js';
import { sharedAvailable } from '../../helpers/shared.js';
import { reference } from '../../helpers/stable-diffusion.js';

describe.skipIf(!sharedAvailable)('on real exports (needs ../shared)', () => {
	const runtime = openRuntime({ device: 'cpu' });
	afterAll(() => runtime.close());

	it('finds the taps in every file, with and without names', async () => {
		const { models } = JSON.parse(await readFile(reference('taps.json'), 'utf8')) as {
			models: Record<string, Record<string, readonly [tensor: string, node: string]>>;
		};
		expect(Object.keys(models).length).toBeGreaterThan(3);
		for (const [file, expected] of Object.entries(models)) {
			const found = findDecoderTaps(readModel(reference(file)));
			expect(
				Object.fromEntries(found.map((tap) => [`${tap.block}.${tap.resnet}`, tap.tensor])),
				file,
			).toEqual(
				Object.fromEntries(Object.entries(expected).map(([position, [tensor]]) => [position, tensor])),
			);
		}
	});

	it('tokenizes and embeds prompts as the reference does', async () => {
		const tokens = JSON.parse(await readFile(reference('inputs', 'tokens.json'), 'utf8')) as Record<
			string,
			{ text: string; input_ids: number[] }
		>;
		const tokenize = await openClipTokenizer(reference('sd15', 'tokenizer'));
		for (const [name, { text, input_ids }] of Object.entries(tokens)) {
			expect([...tokenize(text)], text).toEqual(input_ids);
			const encoder = reference('sd15', 'text_encoder', 'model.onnx');
			const [embedding] = await embedPrompts(runtime, encoder, tokenize, [text]);
			const expected = await referenceArray('inputs', `embedding_${name}.npy`);
			expect(maxDifference(embedding?.data ?? [], expected.data as Float32Array)).toBeLessThan(1e-4);
		}
	});
});
