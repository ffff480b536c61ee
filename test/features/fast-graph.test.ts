import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { wholeModel } from '../../src/features/recipe.js';
import { readImage } from '../../src/media/image.js';
import { findModel } from '../../src/models/registry.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { makeQuickModel } from '../helpers/quick-model.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { cosine } from '../matching/reference.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

const model = await findModel();

it.skipIf(model.manifest.fastGraph === undefined)(
	"the model's 8-bit graph gives the descriptors of the full one, but for rounding",
	async () => {
		const image = await readImage(fileURLToPath(new URL('../../samples/pair/source.jpg', import.meta.url)));
		const full = await openExtractor(model, runtime).extract(image);
		const fast = await openExtractor(model, runtime, { precision: 'fast' }).extract(image);
		expect([fast.channels, fast.height, fast.width]).toEqual([full.channels, full.height, full.width]);
		const cells = full.height * full.width;
		const similarities = Array.from({ length: cells }, (_, cell) => cosine(full, cell, fast, cell));
		expect(similarities.reduce((sum, value) => sum + value, 0) / cells).toBeGreaterThan(0.99);
		expect(Math.min(...similarities)).toBeGreaterThan(0.9);
		// Not the same numbers: the graph that was asked for is the one that ran.
		expect(full.data).not.toEqual(fast.data);
	},
);

it.skipIf(model.manifest.fastGraph === undefined)(
	"another choice of layers is computed, though the 8-bit graph's weights are folded in",
	async () => {
		const image = await readImage(fileURLToPath(new URL('../../samples/pair/source.jpg', import.meta.url)));
		const recipe = { ...wholeModel, layers: [13] };
		const quick = await findModel(makeQuickModel(join(temporaryFolder(), 'quick')));
		const [full, fast] = await Promise.all(
			(['full', 'fast'] as const).map(async (precision) =>
				openExtractor(quick, runtime, { precision, recipe }).extract(image),
			),
		);
		expect(fast?.data).toEqual(full?.data);
	},
);
