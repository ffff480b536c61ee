import { UserError } from '../core/errors.js';
import type { PaintedFile, PaintedKind } from '../core/painted-file.js';
import type { Clip } from '../media/clip.js';
import type { Position } from '../media/position.js';
import type { RunRange } from '../media/run-frames.js';

/**
 * What the person calls frames, as places among the clip's frames: images that have numbers in their names are called by them, whatever
 * the first one is and whichever are missing. Frame 0 of a mask or an edit is the first frame of the run, also where no image has
 * that number.
 *
 * @throws UserError for a mask or an edit of a number that no image has
 */
export const settleNumbers = (
	clip: Clip,
	range: RunRange,
	masks: readonly PaintedFile[],
	edits: readonly PaintedFile[] = [],
): {
	readonly range: RunRange;
	readonly masks: readonly PaintedFile[];
	readonly edits: readonly PaintedFile[];
} => {
	const { numbers } = clip;
	if (numbers === undefined) {
		return { range, masks, edits };
	}
	const place = (position: Position | undefined): Position | undefined => {
		if (position === undefined || !('frame' in position)) {
			return position;
		}
		const at = numbers.findIndex((number) => number >= position.frame);
		return { frame: at < 0 ? numbers.length : at };
	};
	const start = place(range.start);
	const first =
		start === undefined
			? 0
			: 'frame' in start
				? start.frame
				: Math.max(0, Math.ceil(start.seconds * clip.info.frameRate - 1e-6));
	const settle = (files: readonly PaintedFile[], kind: PaintedKind): PaintedFile[] =>
		files.map((file) => {
			if (file.frame === 0) {
				return file;
			}
			const at = numbers.indexOf(file.frame);
			if (at < 0 || at < first) {
				throw new UserError(
					`The ${kind} "${file.path}" is of frame ${file.frame}, which "${clip.path}" does not have${at < 0 ? '' : ' from --start on'}: its frames are ${numbers[first] ?? numbers[0]} to ${numbers.at(-1)}.`,
				);
			}
			return { ...file, frame: at - first };
		});
	return {
		range: { ...range, start, end: place(range.end) },
		...{ masks: settle(masks, 'mask'), edits: settle(edits, 'edit') },
	};
};
