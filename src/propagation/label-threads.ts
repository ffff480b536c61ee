import type { LabelWorkerSettings } from './label-protocol.js';
import { LabelThread } from './label-thread.js';

/**
 * Label threads by name, each started when it is first asked for: passes that share one take turns, those with one each run
 * side by side, and a run that computes nothing starts none.
 */
export class LabelThreads<Name extends string> {
	readonly #settings: LabelWorkerSettings;
	readonly #threads = new Map<Name, LabelThread>();

	constructor(settings: LabelWorkerSettings) {
		this.#settings = settings;
	}

	get(name: Name): LabelThread {
		const thread = this.#threads.get(name) ?? new LabelThread(this.#settings);
		this.#threads.set(name, thread);
		return thread;
	}

	async close(): Promise<void> {
		await Promise.all([...this.#threads.values()].map((thread) => thread.close()));
	}
}
