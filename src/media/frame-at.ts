import { OutsideClip, UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import type { Clip } from './clip.js';
import { FramePool } from './frame-pool.js';
import type { Position } from './position.js';

/**
 * One frame of a clip. Its index is the number that a mask of it is given with.
 *
 * @param asked a number, which is that in the names of numbered images; of a time, the first frame that is not before it
 * @throws UserError for a number that no image has, and for a place behind the end
 */
export const frameAt = async (clip: Clip, asked: Position, signal?: AbortSignal): Promise<Frame> => {
	const start = placeOf(clip, asked);
	// Where a time is, only counting tells: rates vary, and a mask is given with a number.
	const counting = !('frame' in start);
	const wanted = counting ? undefined : { start, end: { frame: start.frame + 1 } };
	const pool = new FramePool();
	try {
		for await (const frame of clip.frames({ ...wanted, pool, signal })) {
			if (counting && frame.timeSeconds < start.seconds - HALF_TICK_SECONDS) {
				pool.giveBack(frame.image);
				continue;
			}
			return { ...frame, index: frame.number ?? (counting ? frame.index : start.frame) };
		}
	} catch (error) {
		if (!(error instanceof OutsideClip)) {
			throw error;
		}
	}
	const { durationSeconds } = clip.info;
	const length = durationSeconds === undefined ? '' : `: it takes ${durationSeconds.toFixed(2)} s`;
	const place = 'frame' in asked ? asked.frame : `${asked.seconds}s`;
	throw new UserError(`"${clip.path}" ends before ${place}${length}; give an earlier place with --at.`);
};

/**
 * Images that have numbers in their names are called by them.
 *
 * @throws UserError for a number that no image has
 */
const placeOf = ({ path, numbers }: Clip, asked: Position): Position => {
	if (numbers === undefined || !('frame' in asked) || asked.frame === 0) {
		return asked;
	}
	const frame = numbers.indexOf(asked.frame);
	if (frame < 0) {
		throw new UserError(
			`"${path}" has no frame ${asked.frame}: its frames are ${numbers[0]} to ${numbers.at(-1)}; give one of them with --at.`,
		);
	}
	return { frame };
};

/** Times are typed with a few digits: 0.04s is the frame at 0.0400000001. */
const HALF_TICK_SECONDS = 0.0005;
