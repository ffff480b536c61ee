import { UserError } from '../index.js';
import type { Project } from './project.js';

/** What a run of the engine is given of a project. */
export type RunInputs = {
	readonly input: string;
	readonly masks: readonly { readonly frame: number; readonly path: string }[];
	readonly maskType: 'ids';
	readonly start: string | undefined;
	readonly end: string | undefined;
};

/**
 * A project in the words of the command line. Frames are called there by the numbers in their files' names, where they have some; of a video,
 * masks are counted from the in point.
 *
 * @throws UserError when nothing is painted between in and out point
 */
export const runInputs = (project: Project): RunInputs => {
	const { start, end } = project.range;
	const { numbers } = project.clip;
	const inRange = project.painted.filter(({ frame }) => frame >= start && (end === null || frame < end));
	if (inRange.length === 0) {
		throw new UserError(
			project.painted.length === 0
				? 'Nothing is painted yet: mark the object on a frame first.'
				: 'No painted frame lies between the in and the out point.',
		);
	}
	const place = (frame: number): string => String(numbers === undefined ? frame : (numbers[frame] ?? frame));
	return {
		input: project.clip.path,
		masks: inRange.map(({ frame }) => ({
			frame: frame === start ? 0 : numbers === undefined ? frame - start : (numbers[frame] ?? frame),
			path: project.paintedPath(frame),
		})),
		maskType: 'ids',
		start: start === 0 ? undefined : place(start),
		end: end === null ? undefined : numbers === undefined || end < numbers.length ? place(end) : undefined,
	};
};
