import { isMainThread } from 'node:worker_threads';
import { builtUrl } from '../core/built-url.js';
import { firstLineOf, UserError } from '../core/errors.js';
import { cudaInstalled } from './cuda-installed.js';
import type { Device, GraphSource, ResidentTensor, Runtime, RuntimeOptions, Session } from './session.js';
import type { Tensor } from './tensor.js';
import { WorkerChannel } from './worker-channel.js';
import type { DevicesReply, LoadReply, RunReply, WorkerRequest, WorkerSettings } from './worker-protocol.js';

type Reply = DevicesReply | LoadReply | RunReply | undefined;

/**
 * Opens the inference runtime: a worker thread that starts with the first request, so that a run which finds everything in the
 * cache has none.
 *
 * @throws UserError from `load` when the asked device can't be used on this machine, or where telemetry can't be switched off
 */
export const openRuntime = (options: RuntimeOptions = {}): Runtime => {
	const asked = options.device ?? 'auto';
	const settings: WorkerSettings = { device: asked, threads: options.threads };
	let started: WorkerChannel<WorkerRequest, Reply> | undefined;
	const channel = (): WorkerChannel<WorkerRequest, Reply> => {
		if (started === undefined) {
			switchTelemetryOff();
			started = new WorkerChannel(
				builtUrl(import.meta.url, './inference-worker.js'),
				'inference worker',
				settings,
			);
		}
		return started;
	};
	let device: Device = asked;

	const load = async (graph: GraphSource): Promise<Session> => {
		const reply = await channel()
			.request({ kind: 'load', graph })
			.catch((error: Error) => {
				if (asked !== 'auto' && asked !== 'cpu') {
					throw new UserError(
						`The device ${asked} can't run the model here: ${firstLineOf(error)}. Use --device cpu, or see "propagate doctor".`,
						{ cause: error },
					);
				}
				throw error;
			});
		const loaded = reply as LoadReply;
		device = loaded.device;
		return {
			inputs: loaded.inputs,
			outputs: loaded.outputs,
			run: async (feeds, fetches, given) =>
				(await channel().request(
					{ kind: 'run', session: loaded.session, feeds, fetches, resident: false },
					given,
				)) as Record<string, Tensor>,
			runResident: async (feeds, fetches) =>
				(await channel().request({
					kind: 'run',
					session: loaded.session,
					feeds,
					fetches,
					resident: true,
				})) as Record<string, ResidentTensor>,
			release: async () => {
				await channel().request({ kind: 'release', session: loaded.session });
			},
		};
	};

	return {
		get device() {
			return device;
		},
		decideDevice: async () => {
			if (device === 'auto' && process.platform !== 'win32' && !cudaInstalled()) {
				// No other comes into question: nobody has to load onnxruntime to be told that.
				device = 'cpu';
			}
			if (device === 'auto') {
				const { devices } = (await channel().request({ kind: 'devices' })) as DevicesReply;
				device = devices.length === 1 ? (devices[0] ?? device) : device;
			}
			// The CPU is always there; whether another device starts is known when a graph is loaded.
			return device === 'cpu';
		},
		load,
		free: (...tensors) => {
			// The worker handles requests in order, so nothing has to wait; a closed worker has freed them anyway.
			channel()
				.request({ kind: 'free', residents: tensors.map((t) => t.resident) })
				.catch(() => undefined);
		},
		close: async () => started?.terminate(),
	};
};

const TELEMETRY_SWITCH = 'ORT_DISABLE_TELEMETRY';

/**
 * onnxruntime writes a device id and a queue of events to the user's cache folder and sends them, unless this variable is set
 * when it is loaded. It reads the environment of the process, of which a worker thread has a copy unless it was started with
 * `env: SHARE_ENV`; there, only the process's own report shows whether setting it reached the process.
 *
 * @throws UserError where it can't be switched off: in a worker thread that has a copy
 */
const switchTelemetryOff = (): void => {
	process.env[TELEMETRY_SWITCH] = '1';
	if (isMainThread) {
		return;
	}
	const report = process.report.getReport() as { environmentVariables?: NodeJS.ProcessEnv };
	if (report.environmentVariables?.[TELEMETRY_SWITCH] !== '1') {
		throw new UserError(
			`In a worker thread with an environment of its own, onnxruntime's telemetry can't be switched off: set ${TELEMETRY_SWITCH}=1 for the whole process, or start the worker with { env: SHARE_ENV }.`,
		);
	}
};
