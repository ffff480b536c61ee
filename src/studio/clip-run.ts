import { AbortedError, editClip, maskClip } from '../index.js';
import type { Project } from './project.js';
import type { RunState } from './protocol.js';
import { editInputs, runInputs } from './run-inputs.js';

/** Carries a project's painted frames through its clip, or its edit, and tells of every frame as it comes. */
export class ClipRun {
	#state: RunState = { state: 'idle', what: 'masks', done: 0, computed: 0 };
	#controller = new AbortController();
	#working: Promise<void> = Promise.resolve();
	#resume: (() => void) | undefined;
	/** What the run under way began with. */
	#key = '';
	/** Asked for while another one was under way. */
	#next: RunState['what'] | undefined;

	constructor(private readonly project: Project) {}

	get state(): RunState {
		return this.#state;
	}

	get isAtWork(): boolean {
		return this.#state.state !== 'idle';
	}

	/**
	 * Begins, or goes on with what is under way; what has changed since that began comes after it.
	 *
	 * @throws UserError when there is nothing to carry
	 */
	async start(what: RunState['what']): Promise<void> {
		const key = `${what} ${this.project.editKey}`;
		if (this.isAtWork) {
			this.#next = key === this.#key ? undefined : what;
			this.resume();
			return;
		}
		this.#key = key;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		// Whoever presses twice gets one run.
		this.#set({ state: 'starting', what, done: 0, computed: 0, failure: undefined });
		try {
			const frames = await (what === 'masks' ? this.#findMasks(signal) : this.#carryEdit(signal));
			this.#working = this.#work(frames, signal);
		} catch (error) {
			this.#set({ state: 'idle' });
			throw error;
		}
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
		this.#next = undefined;
		this.#controller.abort();
		this.#resume?.();
		await this.#working;
	}

	async #findMasks(signal: AbortSignal): Promise<AsyncGenerator<boolean>> {
		const { project } = this;
		const { quality, range, maskKey: key } = project;
		const masks = maskClip({ ...runInputs(project), quality, signal });
		return (async function* () {
			for await (const { frame, mask, confidence, painted, computed } of masks) {
				yield computed;
				await project.found(range.start + frame.index, mask, confidence, painted, key);
			}
			project.foundAll(key);
		})();
	}

	async #carryEdit(signal: AbortSignal): Promise<AsyncGenerator<boolean>> {
		const { project } = this;
		const { frame: first, ...inputs } = await editInputs(project);
		const key = project.editKey;
		const edited = editClip({ ...inputs, linearLight: false, quality: project.quality, signal });
		await project.edit.beginCarrying(key);
		return (async function* () {
			for await (const { frame, edited: picture } of edited) {
				yield true;
				await project.edited(first + frame.index, picture, key);
			}
		})();
	}

	/** @param frames says of each frame, before it is kept, whether it had to be computed */
	async #work(frames: AsyncGenerator<boolean>, signal: AbortSignal): Promise<void> {
		let failure: string | undefined;
		try {
			for await (const computed of frames) {
				// Not asking for the next frame is what pauses the engine.
				while (this.#state.state === 'paused' && !signal.aborted) {
					await new Promise<void>((resume) => {
						this.#resume = resume;
					});
				}
				if (signal.aborted) {
					break;
				}
				this.#set({
					state: this.#state.state === 'paused' ? 'paused' : 'running',
					done: this.#state.done + 1,
					computed: this.#state.computed + (computed ? 1 : 0),
				});
			}
		} catch (error) {
			failure =
				error instanceof AbortedError ? undefined : error instanceof Error ? error.message : String(error);
		}
		await this.project.writeNotes().catch(() => undefined);
		this.#set({ state: 'idle', failure });
		this.project.tell({ type: 'project', project: this.project.state });
		const next = this.#next;
		this.#next = undefined;
		if (next !== undefined) {
			await this.start(next).catch((error: Error) => this.#set({ failure: error.message }));
		}
	}

	#set(change: Partial<RunState>): void {
		this.#state = { ...this.#state, ...change };
		this.project.tell({ type: 'run', run: this.#state });
	}
}
