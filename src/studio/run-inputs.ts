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

/** The same with an edit, and the frame in the clip that it begins with. */
export type EditInputs = RunInputs & {
	readonly frame: number;
	readonly edit: string;
	readonly mode: 'dense' | 'planar' | 'affine';
	readonly relight: boolean;
	readonly behind: boolean;
};

type PlacedMask = { readonly frame: number; readonly path: string };

/** @throws UserError when nothing is painted between in and out point */
export const runInputs = (project: Project): RunInputs => {
	const { start } = project.range;
	const masks = paintedFrom(project, start);
	if (masks.length === 0) {
		throw new UserError(
			project.painted.length === 0
				? 'Nothing is painted yet: mark the object on a frame first.'
				: 'No painted frame lies between the in and the out point.',
		);
	}
	return inputsOf(project, start, masks);
};

/**
 * The run that carries the edit: from its frame to the out point. The object's mask there is the painted one, or else the one that was found. Where
 * nothing is painted at all, the edit goes without masks.
 *
 * @throws UserError when there is no edit, or it can't be carried
 */
export const editInputs = async (project: Project): Promise<EditInputs> => {
	const options = await project.edit.options();
	const { frame } = options;
	const { start, end } = project.range;
	if (frame < start || (end !== null && frame >= end)) {
		throw new UserError(
			`The edit is of frame ${frame}, which does not lie between the in and the out point.`,
		);
	}
	const masks = paintedFrom(project, frame);
	if (project.painted.length > 0 && masks[0]?.frame !== frame) {
		const path = project.foundPath(frame);
		if (project.hasFound(frame)) {
			masks.unshift({ frame, path });
		} else if (masks.length === 0) {
			throw new UserError(`Frame ${frame}, which the edit is of, has no mask yet: find the masks first.`);
		}
	}
	return { ...inputsOf(project, frame, masks), ...options };
};

const paintedFrom = (project: Project, start: number): PlacedMask[] => {
	const { end } = project.range;
	return project.painted
		.filter(({ frame }) => frame >= start && (end === null || frame < end))
		.map(({ frame }) => ({ frame, path: project.paintedPath(frame) }));
};

/**
 * A project in the words of the command line. Frames are called there by the numbers in their files' names, where they have some; of a video,
 * masks are counted from the first frame of the run.
 */
const inputsOf = (project: Project, start: number, masks: readonly PlacedMask[]): RunInputs => {
	const { end } = project.range;
	const { numbers } = project.clip;
	const place = (frame: number): string => String(numbers === undefined ? frame : (numbers[frame] ?? frame));
	return {
		input: project.clip.path,
		masks: masks.map(({ frame, path }) => ({
			frame: frame === start ? 0 : numbers === undefined ? frame - start : (numbers[frame] ?? frame),
			path,
		})),
		maskType: 'ids',
		start: start === 0 ? undefined : place(start),
		end: end === null ? undefined : numbers === undefined || end < numbers.length ? place(end) : undefined,
	};
};
