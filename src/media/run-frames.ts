import type { Frame } from '../core/frame.js';
import type { Clip } from './clip.js';
import type { FramePool } from './frame-pool.js';
import type { Position } from './position.js';

/** The part of a clip that a run works on; frames are numbered from 0 in it. */
export type RunRange = {
	readonly start?: Position | undefined;
	readonly end?: Position | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Frames `from` (included) to `to` (not included; the end of the run when undefined), numbered as in the run.
 * May be called as often as wanted: every call decodes anew.
 */
export async function* framesBetween(
	clip: Clip,
	range: RunRange,
	from: number,
	to?: number | undefined,
	pool?: FramePool,
): AsyncGenerator<Frame, void, void> {
	if (to !== undefined && to <= from) {
		return;
	}
	const { start, end, signal } = range;
	// ffmpeg drops the frames before a frame number itself; behind a time it can't count, so they are skipped here.
	const first = start === undefined ? 0 : 'frame' in start ? start.frame : undefined;
	const skipped = first === undefined ? 0 : from;
	const decoded = clip.frames({
		start: first === undefined ? start : first + from > 0 ? { frame: first + from } : undefined,
		end: to !== undefined && first !== undefined ? earlier(first + to, end) : end,
		...{ signal, pool },
	});
	for await (const frame of decoded) {
		const index = frame.index + skipped;
		if (to !== undefined && index >= to) {
			return;
		}
		if (index >= from) {
			yield { ...frame, index };
		}
	}
}

/** Whichever comes first, as far as that can be told; a time stays, and the frames are counted. */
const earlier = (frame: number, end: Position | undefined): Position =>
	end === undefined || ('frame' in end && end.frame > frame) ? { frame } : end;

/** Decoded frames held at once when a clip is read backwards, and as many that several readers want, in bytes. */
const BLOCK_BYTES = 96 * 2 ** 20;

/** The frames of a run, for several readers: what one has decoded lately, another does not decode again. */
export class RunFrames {
	readonly #clip: Clip;
	readonly #range: RunRange;
	readonly #blockFrames: number;
	/** The oldest first. */
	readonly #kept = new Map<number, Frame>();
	readonly #keeps: boolean;
	readonly #pool: FramePool | undefined;

	/**
	 * @param keeps whether there are several readers
	 * @param pool where frames are decoded to; only if a single reader gives them back
	 */
	constructor(clip: Clip, range: RunRange, keeps: boolean, pool?: FramePool) {
		this.#clip = clip;
		this.#range = range;
		this.#keeps = keeps;
		this.#pool = pool;
		this.#blockFrames = Math.max(1, Math.floor(BLOCK_BYTES / (clip.info.width * clip.info.height * 3)));
	}

	/** As {@link framesBetween}. */
	async *between(from: number, to?: number | undefined): AsyncGenerator<Frame, void, void> {
		let next = from;
		// Where the end is not known there may be nothing behind the kept frames, and an empty range is an error.
		while (to !== undefined && next < to) {
			const kept = this.#kept.get(next);
			if (kept === undefined) {
				break;
			}
			yield kept;
			next++;
		}
		for await (const frame of framesBetween(this.#clip, this.#range, next, to, this.#pool)) {
			this.#keep(frame);
			yield frame;
		}
	}

	/**
	 * The frames from `from` down to `to` (both included), last first. Video is coded forwards, so it is decoded in
	 * blocks from the end: memory holds one block, whatever the length.
	 */
	async *backwards(from: number, to: number): AsyncGenerator<Frame, void, void> {
		for (let end = from + 1; end > to; ) {
			const begin = Math.max(to, end - this.#blockFrames);
			const block: Frame[] = [];
			for await (const frame of this.between(begin, end)) {
				block.push(frame);
			}
			yield* block.reverse();
			end = begin;
		}
	}

	/** Some frames, in the order of time; neighbours are decoded together. */
	async *only(indices: readonly number[]): AsyncGenerator<Frame, void, void> {
		const sorted = [...new Set(indices)].sort((a, b) => a - b);
		for (let at = 0; at < sorted.length; ) {
			const first = sorted[at]!;
			let count = 1;
			while (sorted[at + count] === first + count) {
				count++;
			}
			yield* this.between(first, first + count);
			at += count;
		}
	}

	#keep(frame: Frame): void {
		if (!this.#keeps) {
			return;
		}
		this.#kept.delete(frame.index);
		this.#kept.set(frame.index, frame);
		for (const index of this.#kept.keys()) {
			if (this.#kept.size <= this.#blockFrames) {
				return;
			}
			this.#kept.delete(index);
		}
	}
}
