import { messageOf } from '../errors.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import { userModelsFolder } from '../models/locations.js';
import { listModels } from '../models/registry.js';
import { verifyModel } from '../models/verify.js';
import { buildGraph } from '../onnx/build-graph.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import { type Device, devices } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';

/** One thing that was tried; `detail` says what was found, or what to do about it. */
export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string };

/** Tries everything a run needs: ffmpeg, the inference runtime on each device, the models' files. */
export const diagnose = async (): Promise<Check[]> => [
	{ name: 'node', ok: true, detail: `${process.version} on ${process.platform}/${process.arch}` },
	await check('ffmpeg', async () => {
		const { path, version, origin } = await findFfmpeg();
		return `${version} (${origin}: ${path})`;
	}),
	...(await deviceChecks()),
	...(await modelChecks()),
];

const check = async (name: string, attempt: () => Promise<string>): Promise<Check> => {
	try {
		return { name, ok: true, detail: await attempt() };
	} catch (error) {
		return { name, ok: false, detail: messageOf(error).split('\n')[0] ?? '' };
	}
};

/** Runs a one-node graph on each device. Only the CPU must work; the others are told as they are. */
const deviceChecks = async (): Promise<Check[]> => {
	const checks: Check[] = [];
	for (const device of devices.filter((name) => name !== 'auto')) {
		const attempt = await check(`device ${device}`, () => tryDevice(device));
		checks.push(
			device === 'cpu'
				? attempt
				: { ...attempt, ok: true, detail: attempt.ok ? attempt.detail : 'not available here' },
		);
	}
	return checks;
};

const tryDevice = async (device: Device): Promise<string> => {
	const runtime = openRuntime({ device });
	try {
		const session = await runtime.load(
			buildGraph({
				name: 'double',
				opset: 17,
				inputs: [{ name: 'x', type: 'float32', shape: ['n'] }],
				outputs: [{ name: 'y', type: 'float32', shape: ['n'] }],
				nodes: [{ opType: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
				initializers: [],
			}),
		);
		const { y } = await session.run({ x: float32(new Float32Array([21]), [1]) });
		if (Number(y?.data[0]) !== 42) {
			throw new Error('the device computes wrong results');
		}
		return 'works';
	} finally {
		await runtime.close();
	}
};

const modelChecks = async (): Promise<Check[]> => {
	const checks: Check[] = [];
	for (const model of await listModels()) {
		if (!('manifest' in model)) {
			checks.push({ name: 'model', ok: false, detail: model.error.message });
			continue;
		}
		checks.push(
			await check(`model ${model.manifest.name}`, async () => {
				for await (const { file, result } of verifyModel(model)) {
					if (result !== 'ok') {
						throw new Error(`${file}: ${result}`);
					}
				}
				return model.folder;
			}),
		);
	}
	checks.push({ name: 'models folder', ok: true, detail: userModelsFolder() });
	return checks;
};
