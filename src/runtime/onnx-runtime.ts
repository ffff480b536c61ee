import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import type { Device, ResidentTensor, Runtime, RuntimeOptions, Session } from './session.js';
import type { Tensor } from './tensor.js';
import type { LoadReply, RunReply, WorkerReply, WorkerRequest, WorkerSettings } from './worker-protocol.js';

// Node can't start a worker from TypeScript source, so tests that import `src` use the built worker.
const workerUrl = import.meta.url.endsWith('.ts')
	? new URL('../../dist/runtime/inference-worker.js', import.meta.url)
	: new URL('./inference-worker.js', import.meta.url);

type Waiting = { resolve(value: LoadReply | RunReply | undefined): void; reject(error: Error): void };

/** Sends requests to the worker and matches the replies; every request settles, also when the worker dies. */
class WorkerChannel {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting>();
	#nextId = 1;
	#ended: Error | undefined;

	constructor(settings: WorkerSettings) {
		this.#worker = new Worker(workerUrl, { workerData: settings });
		this.#worker.on('message', (reply: WorkerReply) => this.#settle(reply));
		this.#worker.on('error', (error) => this.#end(error));
		this.#worker.on('exit', () => this.#end(new Error('The inference worker ended.')));
		// An idle runtime must not keep the process alive; a pending request does, see `request`.
		this.#worker.unref();
	}

	request(request: WorkerRequest): Promise<LoadReply | RunReply | undefined> {
		if (this.#ended !== undefined) {
			return Promise.reject(this.#ended);
		}
		const id = this.#nextId++;
		this.#worker.ref();
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#worker.postMessage({ id, request });
		});
	}

	async terminate(): Promise<void> {
		this.#end(new Error('The runtime has been closed.'));
		await this.#worker.terminate();
	}

	#settle(reply: WorkerReply): void {
		const waiting = this.#waiting.get(reply.id);
		this.#waiting.delete(reply.id);
		if (this.#waiting.size === 0) {
			this.#worker.unref();
		}
		if (reply.ok) {
			waiting?.resolve(reply.value);
		} else {
			waiting?.reject(new Error(reply.message));
		}
	}

	#end(error: Error): void {
		this.#ended ??= error;
		for (const waiting of this.#waiting.values()) {
			waiting.reject(this.#ended);
		}
		this.#waiting.clear();
	}
}

/**
 * Starts the inference runtime in a worker thread. Loading happens with the first {@link Runtime.load}.
 *
 * @throws UserError from `load` when the asked device can't be used on this machine
 */
export const openRuntime = (options: RuntimeOptions = {}): Runtime => {
	const asked = options.device ?? 'auto';
	const channel = new WorkerChannel({ device: asked, threads: options.threads });
	let device: Device = asked;

	const load = async (graph: string | Uint8Array): Promise<Session> => {
		const reply = await channel.request({ kind: 'load', graph }).catch((error: Error) => {
			if (asked !== 'auto' && asked !== 'cpu') {
				throw new UserError(
					`The device ${asked} can't run the model here: ${firstLine(error)} Use --device cpu, or see "propagate doctor".`,
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
			run: async (feeds, fetches) =>
				(await channel.request({
					kind: 'run',
					session: loaded.session,
					feeds,
					fetches,
					resident: false,
				})) as Record<string, Tensor>,
			runResident: async (feeds, fetches) =>
				(await channel.request({
					kind: 'run',
					session: loaded.session,
					feeds,
					fetches,
					resident: true,
				})) as Record<string, ResidentTensor>,
			release: async () => {
				await channel.request({ kind: 'release', session: loaded.session });
			},
		};
	};

	return {
		get device() {
			return device;
		},
		load,
		free: (...tensors) => {
			// The worker handles requests in order, so nothing has to wait; a closed worker has freed them anyway.
			channel.request({ kind: 'free', residents: tensors.map((t) => t.resident) }).catch(() => undefined);
		},
		close: () => channel.terminate(),
	};
};

const firstLine = (error: Error): string => `${error.message.split('\n')[0]?.replace(/[.\s]*$/, '')}.`;
