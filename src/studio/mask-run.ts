import { AbortedError, maskClip } from '../index.js';
import type { Project } from './project.js';
import type { RunState } from './protocol.js';
import { runInputs } from './run-inputs.js';

/** Carries a project's painted frames through its clip, and tells of every mask as it comes. */
export class MaskRun {
	#state: RunState = { state: 'idle', done: 0, computed: 0 };
	#controller = new AbortController();
	#working: Promise<void> = Promise.resolve();
	#resume: (() => void) | undefined;

	constructor(private readonly project: Project) {}

	get state(): RunState {
		return this.#state;
	}

	get isAtWork(): boolean {
		return this.#state.state !== 'idle';
	}

	/** @throws UserError when nothing is painted */
	async start(): Promise<void> {
		if (this.isAtWork) {
			this.resume();
			return;
		}
		const inputs = runInputs(this.project);
		this.#controller = new AbortController();
		this.#set({ state: 'starting', done: 0, computed: 0, failure: undefined });
		this.#working = this.#work(inputs);
	}

	pause(): void {
		if (this.#state.state === 'running' || this.#state.state === 'starting') {
			this.#set({ state: 'paused' });
		}
	}

	resume(): void {
		if (this.#state.state === 'paused') {
			this.#set({ state: 'running' });
			this.#resume?.();
		}
	}

	/** What has come stays. */
	async cancel(): Promise<void> {
		this.#controller.abort();
		this.#resume?.();
		await this.#working;
	}

	async #work(inputs: ReturnType<typeof runInputs>): Promise<void> {
		const { signal } = this.#controller;
		let failure: string | undefined;
		try {
			const { quality, range } = this.project;
			for await (const { frame, mask, confidence, painted, computed } of maskClip({
				...inputs,
				...{ quality, signal },
			})) {
				// Not asking for the next frame is what pauses the engine.
				while (this.#state.state === 'paused' && !signal.aborted) {
					await new Promise<void>((resume) => {
						this.#resume = resume;
					});
				}
				if (signal.aborted) {
					break;
				}
				await this.project.found(range.start + frame.index, mask, confidence, painted);
				const { done, computed: before } = this.#state;
				this.#set({
					state: this.#state.state === 'paused' ? 'paused' : 'running',
					done: done + 1,
					computed: before + (computed ? 1 : 0),
				});
			}
		} catch (error) {
			failure =
				error instanceof AbortedError ? undefined : error instanceof Error ? error.message : String(error);
		}
		await this.project.writeNotes().catch(() => undefined);
		this.#set({ state: 'idle', failure });
		this.project.tell({ type: 'project', project: this.project.state });
	}

	#set(change: Partial<RunState>): void {
		this.#state = { ...this.#state, ...change };
		this.project.tell({ type: 'run', run: this.#state });
	}
}
