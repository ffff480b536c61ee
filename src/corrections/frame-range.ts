import type { Clip } from '../media/clip.js';
import type { Frame } from '../media/frame.js';
import type { Position } from '../media/position.js';

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
		end: to !== undefined && first !== undefined ? { frame: first + to } : end,
		signal,
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

/** Decoded frames held at once when a clip is read backwards, in bytes. */
const BLOCK_BYTES = 96 * 2 ** 20;

/**
 * The frames from `from` down to `to` (both included), last first. Video is coded forwards, so it is decoded in
 * blocks from the end: memory holds one block, whatever the length.
 */
export async function* framesBackwards(
	clip: Clip,
	range: RunRange,
	from: number,
	to: number,
): AsyncGenerator<Frame, void, void> {
	const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (clip.info.width * clip.info.height * 3)));
	for (let end = from + 1; end > to; end -= perBlock) {
		const block: Frame[] = [];
		for await (const frame of framesBetween(clip, range, Math.max(to, end - perBlock), end)) {
			block.push(frame);
		}
		yield* block.reverse();
	}
}
