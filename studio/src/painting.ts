import { signal } from '@preact/signals';
import { type ProjectApi, StudioError } from './api';
import type { CachedMask, FrameCache } from './frame-cache';
import { type Box, cut, fromRuns, type IdMap, paste, toRuns, union } from './raster';

/** Steps that can be undone take so much memory at most. */
const HISTORY_BYTES = 64 * 2 ** 20;
const RETRY_MS = 1000;

/** One change of one frame. */
type Step = {
	readonly frame: number;
	readonly box: Box;
	readonly before: Uint8Array<ArrayBuffer>;
	readonly after: Uint8Array<ArrayBuffer>;
	/** What the frame was before: undone to nothing, it is not painted any more. */
	readonly from: CachedMask;
};

type Frame = { readonly frame: number; readonly map: IdMap };

/**
 * What is painted: strokes on the frame that is shown, what can be undone, and the way to the disk. A stroke is noted in the browser when the mouse
 * is lifted, and forgotten there when the server has it on disk: neither a reload nor a crash of either side loses one.
 */
export class Painting {
	/** Strokes that are not on disk yet. */
	readonly unsaved = signal(0);
	/** Grows when {@link canUndo} and {@link canRedo} may have changed. */
	readonly version = signal(0);
	readonly #undo: Step[] = [];
	readonly #redo: Step[] = [];
	/** Revisions of painted frames as this page knows them. */
	readonly #revisions = new Map<number, number>();
	/** The newest state of each frame that is not saved; undefined: not painted any more. */
	readonly #waiting = new Map<number, Uint8Array<ArrayBuffer> | undefined>();
	#saving: number | undefined;
	#stroke:
		| {
				readonly at: Frame;
				readonly before: Uint8Array<ArrayBuffer>;
				readonly from: CachedMask;
				box: Box | undefined;
		  }
		| undefined;
	#closed = false;

	constructor(
		private readonly api: ProjectApi,
		private readonly cache: FrameCache,
		private readonly on: {
			/** A frame's mask has changed. @param box where; everywhere when undefined */
			readonly change: (frame: number, box: Box | undefined) => void;
			/** What was painted is part of that version of the project. */
			readonly saved: (version: number) => void;
			/** Another window was first. */
			readonly conflict: (frame: number, message: string) => void;
			readonly failure: (message: string) => void;
		},
	) {}

	get canUndo(): boolean {
		return this.#undo.length > 0;
	}

	get canRedo(): boolean {
		return this.#redo.length > 0;
	}

	/** Begins a stroke on a frame. @param from what is known of it */
	begin(frame: number, size: Pick<IdMap, 'width' | 'height'>, from: CachedMask): void {
		const before = from.ids ?? new Uint8Array(size.width * size.height);
		const map = { ...size, ids: before.slice() };
		this.#stroke = { at: { frame, map }, before, from, box: undefined };
		this.cache.setMask(frame, { kind: from.kind, ids: map.ids });
	}

	/** Goes on with it. */
	paint(tool: (map: IdMap) => Box | undefined): void {
		const stroke = this.#stroke;
		if (stroke !== undefined) {
			const box = tool(stroke.at.map);
			stroke.box = union(stroke.box, box);
			if (box !== undefined) {
				this.on.change(stroke.at.frame, box);
			}
		}
	}

	get isPainting(): boolean {
		return this.#stroke !== undefined;
	}

	/** Ends it: from here on it is kept. */
	end(): void {
		const stroke = this.#stroke;
		this.#stroke = undefined;
		if (stroke === undefined) {
			return;
		}
		const { at, before, from, box } = stroke;
		const after = box && cut(at.map, box);
		const old = box && cut({ ...at.map, ids: before }, box);
		if (
			box === undefined ||
			after === undefined ||
			old === undefined ||
			old.every((id, n) => id === after[n])
		) {
			this.cache.setMask(at.frame, from);
			this.on.change(at.frame, undefined);
			return;
		}
		this.#push({ frame: at.frame, box, before: old, after, from });
		this.#keep(at.frame, at.map.ids);
	}

	/** Gives up the stroke that is under way. */
	abandon(): void {
		const stroke = this.#stroke;
		this.#stroke = undefined;
		if (stroke !== undefined) {
			this.cache.setMask(stroke.at.frame, stroke.from);
			this.on.change(stroke.at.frame, undefined);
		}
	}

	/** Replaces all of a frame's mask as one step. */
	replace(
		frame: number,
		size: Pick<IdMap, 'width' | 'height'>,
		from: CachedMask,
		ids: Uint8Array<ArrayBuffer>,
	): void {
		this.begin(frame, size, from);
		this.paint((map) => {
			map.ids.set(ids);
			return { x0: 0, y0: 0, x1: size.width, y1: size.height };
		});
		this.end();
	}

	/** @returns the frame that has changed */
	async undo(size: Pick<IdMap, 'width' | 'height'>): Promise<number | undefined> {
		const step = this.#undo.pop();
		if (step === undefined) {
			return undefined;
		}
		this.#redo.push(step);
		await this.#apply(step, step.before, size, step.from.kind === 'painted' ? undefined : step.from);
		return step.frame;
	}

	async redo(size: Pick<IdMap, 'width' | 'height'>): Promise<number | undefined> {
		const step = this.#redo.pop();
		if (step === undefined) {
			return undefined;
		}
		this.#undo.push(step);
		await this.#apply(step, step.after, size, undefined);
		return step.frame;
	}

	/** Takes what is painted on a frame away; what was found there comes back. */
	unpaint(frame: number): void {
		this.#forgetSteps(frame);
		this.cache.forgetMask(frame);
		this.#queue(frame, undefined);
	}

	/** What the server says is painted. @returns frames that have been changed by somebody else */
	takeRevisions(painted: readonly { readonly frame: number; readonly revision: number }[]): number[] {
		const told = new Map(painted.map(({ frame, revision }) => [frame, revision]));
		const changed: number[] = [];
		for (const frame of new Set([...told.keys(), ...this.#revisions.keys()])) {
			const isOwn = this.#waiting.has(frame) || this.#saving === frame;
			if (!isOwn && (told.get(frame) ?? 0) !== (this.#revisions.get(frame) ?? 0)) {
				changed.push(frame);
				const revision = told.get(frame);
				if (revision === undefined) {
					this.#revisions.delete(frame);
				} else {
					this.#revisions.set(frame, revision);
				}
			}
		}
		return changed;
	}

	/** Forgets steps on frames that somebody else has painted. */
	changedElsewhere(frames: readonly number[]): void {
		for (const frame of frames) {
			this.#forgetSteps(frame);
			this.cache.forgetMask(frame);
		}
	}

	/** Sends what an earlier page, or this one before it was reloaded, could not send, or has not heard to have arrived. */
	async recover(pixels: number): Promise<void> {
		const prefix = pendingName(this.api.id, '');
		const names = Array.from({ length: localStorage.length }, (_, n) => localStorage.key(n) ?? '');
		for (const name of names.filter((name) => name.startsWith(prefix))) {
			const frame = Number(name.slice(prefix.length));
			const pending = pendingOf(localStorage.getItem(name), pixels);
			const there = await this.cache.mask(frame).catch(() => undefined);
			const isThere =
				there?.kind === 'painted' && pending?.ids.every((id, at) => id === there.ids?.[at]) === true;
			if (pending === undefined || isThere) {
				localStorage.removeItem(name);
			} else {
				this.#revisions.set(frame, pending.basis);
				this.#keep(frame, pending.ids);
				this.on.change(frame, undefined);
			}
		}
	}

	close(): void {
		this.#closed = true;
	}

	#push(step: Step): void {
		this.#undo.push(step);
		this.#redo.length = 0;
		let bytes = 0;
		for (let at = this.#undo.length - 1; at >= 0; at--) {
			const { before, after } = this.#undo[at]!;
			bytes += before.length + after.length;
			if (bytes > HISTORY_BYTES) {
				this.#undo.splice(0, at + 1);
				break;
			}
		}
		this.version.value++;
	}

	#forgetSteps(frame: number): void {
		for (const steps of [this.#undo, this.#redo]) {
			const kept = steps.filter((step) => step.frame !== frame);
			steps.splice(0, steps.length, ...kept);
		}
		this.version.value++;
	}

	async #apply(
		{ frame, box }: Step,
		piece: Uint8Array,
		size: Pick<IdMap, 'width' | 'height'>,
		/** What the frame is again, if it is not painted any more. */
		unpainted: CachedMask | undefined,
	): Promise<void> {
		this.version.value++;
		if (unpainted !== undefined) {
			this.cache.setMask(frame, unpainted);
			this.on.change(frame, undefined);
			this.#queue(frame, undefined);
			return;
		}
		const { ids } = await this.cache.newestMask(frame);
		const map = { ...size, ids: ids?.slice() ?? new Uint8Array(size.width * size.height) };
		paste(map, box, piece);
		this.#keep(frame, map.ids);
		this.on.change(frame, undefined);
	}

	#keep(frame: number, ids: Uint8Array<ArrayBuffer>): void {
		this.cache.setMask(frame, { kind: 'painted', ids });
		this.#queue(frame, ids);
	}

	#queue(frame: number, ids: Uint8Array<ArrayBuffer> | undefined): void {
		if (ids === undefined) {
			localStorage.removeItem(pendingName(this.api.id, frame));
		} else {
			this.#note(frame, ids);
		}
		this.#waiting.set(frame, ids);
		this.#count();
		if (this.#saving === undefined) {
			void this.#save();
		}
	}

	#note(frame: number, ids: Uint8Array<ArrayBuffer>): void {
		try {
			const pending = { basis: this.#revisions.get(frame) ?? 0, runs: toRuns(ids) };
			localStorage.setItem(pendingName(this.api.id, frame), JSON.stringify(pending));
		} catch {
			// No room: the way to the disk is a few milliseconds long all the same.
		}
	}

	async #save(): Promise<void> {
		for (;;) {
			const [next] = this.#waiting;
			if (next === undefined || this.#closed) {
				this.#saving = undefined;
				return;
			}
			const [frame, ids] = next;
			this.#waiting.delete(frame);
			this.#saving = frame;
			this.#count();
			const basis = this.#revisions.get(frame) ?? 0;
			try {
				const kept =
					ids === undefined ? await this.api.unpaint(frame, basis) : await this.api.paint(frame, ids, basis);
				this.#revisions.set(frame, kept.revision);
				this.on.saved(kept.version);
				if (ids === undefined && !this.#waiting.has(frame)) {
					this.cache.forgetMask(frame);
					this.on.change(frame, undefined);
				}
				if (!this.#waiting.has(frame)) {
					localStorage.removeItem(pendingName(this.api.id, frame));
				} else if (this.#waiting.get(frame) !== undefined) {
					this.#note(frame, this.#waiting.get(frame) as Uint8Array<ArrayBuffer>);
				}
			} catch (error) {
				await this.#failed(frame, ids, error);
			}
			this.#saving = undefined;
			this.#count();
		}
	}

	async #failed(frame: number, ids: Uint8Array<ArrayBuffer> | undefined, error: unknown): Promise<void> {
		const { status, message, revision } =
			error instanceof StudioError ? error : new StudioError(String(error), 0);
		if (status === 409) {
			this.#waiting.delete(frame);
			localStorage.removeItem(pendingName(this.api.id, frame));
			this.#forgetSteps(frame);
			this.cache.forgetMask(frame);
			this.#revisions.set(frame, revision ?? 0);
			this.on.conflict(frame, message);
			return;
		}
		if (status !== 0) {
			this.on.failure(message);
		}
		if (!this.#waiting.has(frame)) {
			this.#waiting.set(frame, ids);
		}
		await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
	}

	#count(): void {
		this.unsaved.value = this.#waiting.size + (this.#saving === undefined ? 0 : 1);
	}
}

const pendingName = (project: string, frame: number | ''): string => `propagate-unsaved-${project}-${frame}`;

const pendingOf = (
	text: string | null,
	pixels: number,
): { readonly basis: number; readonly ids: Uint8Array<ArrayBuffer> } | undefined => {
	try {
		const { basis, runs } = JSON.parse(text ?? '') as { basis: number; runs: number[] };
		const ids = fromRuns(runs, pixels);
		return ids && { basis, ids };
	} catch {
		return undefined;
	}
};
