import { basename, extname, resolve } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Clip } from '../media/clip.js';
import { clipStem, extensionOf, namesFolder } from '../media/file-names.js';
import { FrameNames, isFramePattern } from '../media/frame-names.js';
import { openSink } from '../output/encode.js';
import { layerOfProject, listFormats, type OutputChoice, resolveFormat } from '../output/output-format.js';
import type { RunOutput } from '../output/run-outputs.js';
import type { ProjectMedia } from '../output/sink-options.js';

/**
 * Where masks go: what `-o` and `--format` name, or a folder named after the clip, and the videos that project files among them refer to.
 *
 * @throws UserError for unknown formats, or a place that is given twice
 */
export const resolveClipOutputs = async (
	clip: Clip,
	outputs: readonly string[],
	format: string | undefined,
): Promise<RunOutput[]> => {
	const places = outputs.length > 0 ? outputs : [defaultOutput(clip.path)];
	const asked = await Promise.all(
		places.map(async (place) => {
			// Of several outputs, those whose names say what they are need not be told.
			const says =
				places.length > 1 && !(await namesFolder(place)) && extensionOf(place) !== extensionOf(format ?? '');
			return resolveFormat(place, says ? undefined : format);
		}),
	);
	const projects = asked.filter((choice) => choice.kind === 'project');
	const [project] = projects;
	if (project !== undefined && clip.isTemporary === true) {
		throw new UserError(
			`"${project.path}" refers to the clip, which came from a pipe and is gone afterwards; give a file.`,
		);
	}
	const others = asked.filter((choice) => choice.kind !== 'project');
	for (const project of projects) {
		const layer = layerOfProject(project, others);
		if (!others.includes(layer)) {
			others.push(layer);
		}
	}
	const choices = [...others, ...projects];
	const made = await Promise.all(
		choices.map((choice) => runOutput(choice, mediaOfProject(choice, choices, clip))),
	);
	requireOnce(made);
	return made;
};

/** An output of a run. @param project what a project file refers to */
const runOutput = async (choice: OutputChoice, project?: ProjectMedia): Promise<RunOutput> => ({
	path: choice.path,
	form: choice.format.name,
	frames: choice.kind === 'frames' ? await FrameNames.of(choice.path, choice.format.extension) : undefined,
	isMasksOnly: choice.kind === 'frames' && choice.format.isMasksOnly === true,
	open: (options) => openSink(choice, { ...options, project }),
});

/** What a project file puts on its tracks; undefined for anything else, and for a clip of still images. */
const mediaOfProject = (
	choice: OutputChoice,
	all: readonly OutputChoice[],
	clip: Clip,
): ProjectMedia | undefined => {
	if (choice.kind !== 'project' || clip.kind !== 'video') {
		return undefined;
	}
	const { path, format } = layerOfProject(choice, all);
	return { clip: clip.path, layer: { path, shows: format.channels === 4 ? 'cut-out' : 'matte' } };
};

/** A folder in the working folder that is named after the clip: `bear.mp4` -> `bear-masks`. */
const defaultOutput = (input: string): string => `${clipStem(input)}-masks`;

/** @throws UserError for a place that is given twice */
const requireOnce = (outputs: readonly RunOutput[]): void => {
	const places = outputs.map(({ path, frames }) => frames?.family ?? resolve(path));
	const twice = places.findIndex((place, at) => places.indexOf(place) !== at);
	if (twice >= 0) {
		throw new UserError(`"${outputs[twice]?.path}" is given as output twice; name each output once.`);
	}
};

const EDIT_PNG = 'edit-png';
const EDIT_EXR = 'edit-exr';
const EDIT_VIDEO = 'edit.mp4';

/**
 * Where an edit's results go. A folder or a pattern of names means edited frames and `.mp4` the edited video; with a format, or a name that
 * ends in one (`bear-overlay.mp4`), it is as for masks, which must then have been given. Without any place it is one
 * video beside nothing else, named after the clip: `bear.mp4` gives `bear-edit.mp4`.
 *
 * @throws UserError for unknown formats, formats of masks without a mask, or a place that is given twice
 */
export const resolveEditOutputs = async (
	clip: Clip,
	places: readonly string[],
	format: string | undefined,
	hasMasks: boolean,
): Promise<RunOutput[]> => {
	const outputs = await Promise.all(
		(places.length > 0 ? places : [defaultEditOutput(clip.path)]).map((place) =>
			editOutput(place, format, hasMasks),
		),
	);
	requireOnce(outputs);
	return outputs;
};

/** What a place means when nobody names a format; undefined where it means the same as for masks. */
const formatOfPlace = async (place: string): Promise<string | undefined> => {
	const extension = (await namesFolder(place)) ? '' : extname(place).toLowerCase();
	if (extension === '') {
		return EDIT_PNG;
	}
	if (isFramePattern(place)) {
		const showsMasks = /(^|[-_. ])(alpha|mattes?)[-_. ]*%/i.test(basename(place));
		return showsMasks ? undefined : { '.png': EDIT_PNG, '.exr': EDIT_EXR }[extension];
	}
	const namesFormat = listFormats().some(({ name }) => basename(place).toLowerCase().endsWith(name));
	return extension === '.mp4' && !namesFormat ? EDIT_VIDEO : undefined;
};

const editOutput = async (
	place: string,
	format: string | undefined,
	hasMasks: boolean,
): Promise<RunOutput> => {
	const choice = await resolveFormat(place, format ?? (await formatOfPlace(place)));
	if (!choice.format.name.startsWith('edit') && !hasMasks) {
		throw new UserError(
			`"${place}" is to show masks (${choice.format.name}), but there is no --mask; give one, or write ${EDIT_VIDEO} or a folder.`,
		);
	}
	if (choice.kind === 'project') {
		throw new UserError(
			`"${place}" is a project file, which is written for masks; write ${EDIT_VIDEO} or a folder with --edit.`,
		);
	}
	return runOutput(choice);
};

const defaultEditOutput = (input: string): string => `${clipStem(input)}-${EDIT_VIDEO}`;
