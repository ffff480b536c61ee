import { basename, extname } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Clip } from '../media/clip.js';
import { clipStem, namesFolder } from '../media/file-names.js';
import { isFramePattern } from '../media/frame-names.js';
import { listFormats, resolveFormat } from '../output/output-format.js';
import type { RunOutput } from '../output/run-outputs.js';
import { requireOnce, runOutput } from './clip-outputs.js';

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
		(places.length > 0 ? places : [defaultOutput(clip.path)]).map((place) =>
			resolve(place, format, hasMasks),
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

const resolve = async (place: string, format: string | undefined, hasMasks: boolean): Promise<RunOutput> => {
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

const defaultOutput = (input: string): string => `${clipStem(input)}-${EDIT_VIDEO}`;
