import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { type ResourceLimits, type TransferListItem, Worker } from 'node:worker_threads';

/**
 * How far a worker's heap grows before it is collected for the first time. V8's default is so little that what compiles in the background asks
 * for a collection now and then, and a thread of Node 20 that is about to end waits for such compilations without collecting: forever. What
 * a worker keeps is a few megabytes. (A flag of the process; it holds for isolates that are made from now on.)
 */
const UNCOLLECTED_MEGABYTES = 256;

/** What {@link WorkerChannel.terminate} sends: end when the request in hand is done. */
export const END = 'end';
/** The id under which a worker says that it has loaded. */
export const READY = 0;

/** What comes back for a request. */
export type WorkerReply<Value> =
	| { readonly id: number; readonly ok: true; readonly value: Value }
	| { readonly id: number; readonly ok: false; readonly message: string };

type Waiting<Value> = { resolve(value: Value): void; reject(error: Error): void };

/**
 * Sends requests to a worker and matches the replies; every request settles, also when the worker dies.
 *
 * The worker is never stopped from outside: a thread that is stopped while it loads a native library or runs in it ends
 * the whole process (node-addon-api throws in C++ where nobody catches).
 */
export class WorkerChannel<Request, Value> {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting<Value>>();
	readonly #name: string;
	#nextId = READY + 1;
	#ended: Error | undefined;
	#exited = false;

	/**
	 * @param name what the worker is, for messages: "inference worker"
	 * @param workerData what the worker is started with
	 * @param resourceLimits as of `Worker`
	 */
	constructor(url: URL, name: string, workerData?: unknown, resourceLimits?: ResourceLimits) {
		this.#name = name;
		setFlagsFromString(`--initial-old-space-size=${UNCOLLECTED_MEGABYTES}`);
		this.#worker = new Worker(url, { workerData, execArgv: workerFlags(), resourceLimits });
		this.#worker.on('message', (reply: WorkerReply<Value>) => this.#settle(reply));
		this.#worker.on('error', (error) => this.#end(error));
		this.#worker.on('exit', () => {
			this.#exited = true;
			this.#end(new Error(`The ${name} ended.`));
		});
		// A pending request keeps the process alive, and loading is one; an idle worker does not.
		this.#waiting.set(READY, { resolve: () => {}, reject: () => {} });
	}

	/** @param given buffers of the request that move to the worker instead of being copied: the caller can't use them any more */
	request(request: Request, given: readonly TransferListItem[] = []): Promise<Value> {
		if (this.#ended !== undefined) {
			return Promise.reject(this.#ended);
		}
		const id = this.#nextId++;
		this.#worker.ref();
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#worker.postMessage({ id, request }, given);
		});
	}

	/** Rejects what is pending and ends the worker after the request in hand. */
	async terminate(): Promise<void> {
		this.#end(new Error(`The ${this.#name} has been closed.`));
		if (this.#exited) {
			return;
		}
		// A reply that is still on its way would unref the worker, and the process would exit before the worker has ended.
		this.#worker.removeAllListeners('message');
		this.#worker.ref();
		this.#worker.postMessage(END);
		await once(this.#worker, 'exit');
	}

	#settle(reply: WorkerReply<Value>): void {
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
 * Undefined where the worker may simply inherit node's flags, V8's among them, which must not be named here. A program given by
 * `node --input-type=module -e` would hand that flag on, which a worker's file refuses.
 */
const workerFlags = (): string[] | undefined => {
	const isInputType = (flag: string): boolean => flag.startsWith('--input-type');
	return process.execArgv.some(isInputType)
		? process.execArgv.filter((flag) => !isInputType(flag))
		: undefined;
};
