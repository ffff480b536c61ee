/** Child of full-size-unet.ts: loads a model and times its calls. Twice, because the first call also packs weights. */
import { parseArgs } from 'node:util';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { featureRecipeSchema } from '../../src/features/recipe.js';
import { readModelFolder } from '../../src/models/model-folder.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { matMulPeak } from '../stages/machine-peak.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { calls: { type: 'string', default: '1' } },
});
const model = await readModelFolder(positionals[0] ?? '');
const { width, height } = model.manifest.image.resize as { width: number; height: number };
const image = { width, height, channels: 3 as const, data: new Uint8Array(width * height * 3).fill(100) };
const runtime = openRuntime({ device: 'cpu' });

const seconds = async <Result>(work: () => Promise<Result>): Promise<[number, Result]> => {
	const started = performance.now();
	const result = await work();
	return [(performance.now() - started) / 1000, result];
};
const calls = Number(values.calls);
const recipe = featureRecipeSchema.parse({ stopAfter: calls });
const extractor = openExtractor(model, runtime, { recipe });
const [load] = await seconds(() => extractor.load());
console.log(`load: ${load.toFixed(1)} s`);
for (let run = 0; run < 2; run++) {
	const peak = await matMulPeak(runtime);
	const [time, map] = await seconds(() => extractor.extract(image));
	const finite = map.data.every(Number.isFinite) ? 'finite' : 'NOT FINITE';
	console.log(
		`${calls} calls: ${time.toFixed(1)} s; map ${map.channels} x ${map.height} x ${map.width}, ${finite}; the machine's matrix product: ${peak.toFixed(0)} GFLOP/s`,
	);
}
await extractor.close();
await runtime.close();
