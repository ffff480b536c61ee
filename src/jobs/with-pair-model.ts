import type { InstalledPairModel } from '../models/model-folder.js';
import { openPairModel, type PairModel } from '../pairs/pair-model.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';

/** Opens a model that matches two images by itself for as long as it is used. */
export const withPairModel = async <Result>(
	installed: InstalledPairModel,
	{ device, threads }: RuntimeOptions,
	use: (model: PairModel, runtime: Runtime) => Promise<Result>,
): Promise<Result> => {
	const runtime = openRuntime({ device, threads });
	try {
		return await use(await openPairModel(installed, runtime), runtime);
	} finally {
		await runtime.close();
	}
};
