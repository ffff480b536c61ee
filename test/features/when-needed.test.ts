import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { findModel } from '../../src/models/registry.js';
import { cudaInstalled } from '../../src/runtime/cuda-installed.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import type { Device, GraphSource, Runtime } from '../../src/runtime/session.js';
import { storedExtractor } from '../../src/store/descriptor-store.js';
import { makeQuickModel } from '../helpers/quick-model.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** The real runtime, and how many graphs it was asked to load. */
const watchedRuntime = (): Runtime & { readonly loads: GraphSource[] } => {
	const runtime = openRuntime({ device: 'cpu' });
	const loads: GraphSource[] = [];
	return {
		...runtime,
		loads,
		load: (graph) => {
			loads.push(graph);
			return runtime.load(graph);
		},
	};
};

const picture: Raster<3> = {
	...{ width: 96, height: 64, channels: 3 },
	data: randomFillSync(new Uint8Array(96 * 64 * 3)),
};

describe('a model that is opened when it is needed', () => {
	const runtimes: Runtime[] = [];
	const openRun = async (model: string, folder: string) => {
		const runtime = watchedRuntime();
		runtimes.push(runtime);
		const extractor = openExtractor(await findModel(model), runtime, { precision: 'fast' });
		return { runtime, cached: await storedExtractor(extractor, 'model', { folder }) };
	};
	afterEach(async () => {
		await Promise.all(runtimes.splice(0).map((runtime) => runtime.close()));
	});

	it('is loaded by the first unknown image, once, and not at all when every image is in the cache', async () => {
		const place = temporaryFolder();
		const [model, folder] = [makeQuickModel(join(place, 'quick')), join(place, 'descriptors')];
		const first = await openRun(model, folder);
		expect(first.runtime.loads).toHaveLength(0);
		const { channels } = first.cached; // Known before the model is loaded.
		const mirrored = { ...picture, data: picture.data.toReversed() };
		const [computed] = await Promise.all([first.cached.extract(picture), first.cached.extract(mirrored)]);
		expect(first.runtime.loads).toHaveLength(1);
		expect(computed?.channels).toBe(channels);

		const second = await openRun(model, folder);
		expect(await second.cached.extract(picture)).toEqual(computed);
		expect(second.runtime.loads).toHaveLength(0);
		await second.cached.close();
	});
});

describe('the device', () => {
	const mayBeAnother = process.platform === 'win32' || cudaInstalled();
	it.each<Device>(mayBeAnother ? ['cpu'] : ['cpu', 'auto'])(
		'is decided without a graph where only the CPU comes into question: %s',
		async (device) => {
			const runtime = openRuntime({ device });
			expect([await runtime.decideDevice(), runtime.device]).toEqual([true, 'cpu']);
			await runtime.close();
		},
	);

	it('is left open for a device that may not start', async () => {
		const runtime = openRuntime({ device: 'cuda' });
		expect(await runtime.decideDevice()).toBe(false);
		await runtime.close();
	});
});
