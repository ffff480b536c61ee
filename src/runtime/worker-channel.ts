import { Worker } from 'node:worker_threads';

/** What comes back for a request. */
export type WorkerReply<Value> =
	| { readonly id: number; readonly ok: true; readonly value: Value }
	| { readonly id: number; readonly ok: false; readonly message: string };

type Waiting<Value> = { resolve(value: Value): void; reject(error: Error): void };

/** Sends requests to a worker and matches the replies; every request settles, also when the worker dies. */
export class WorkerChannel<Request, Value> {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting<Value>>();
	readonly #name: string;
	#nextId = 1;
	#ended: Error | undefined;

	/**
	 * @param name what the worker is, for messages: "inference worker"
	 * @param workerData what the worker is started with
	 */
	constructor(url: URL, name: string, workerData?: unknown) {
		this.#name = name;
		this.#worker = new Worker(url, { workerData });
		this.#worker.on('message', (reply: WorkerReply<Value>) => this.#settle(reply));
		this.#worker.on('error', (error) => this.#end(error));
		this.#worker.on('exit', () => this.#end(new Error(`The ${name} ended.`)));
		// An idle worker must not keep the process alive; a pending request does, see `request`.
		this.#worker.unref();
	}

	request(request: Request): Promise<Value> {
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
		this.#end(new Error(`The ${this.#name} has been closed.`));
		// A reply that is still on its way would unref the worker, and the process would exit before the worker has ended.
		this.#worker.removeAllListeners('message');
		await this.#worker.terminate();
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
