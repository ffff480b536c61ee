import { basename, extname } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Clip } from '../media/clip.js';
import { clipStem, namesFolder } from '../media/file-names.js';
import { encodeImage } from '../media/image.js';
import { openSink } from '../output/encode.js';
import { listFormats, resolveFormat } from '../output/output-format.js';
import { openPngSequence } from '../output/png-sequence-sink.js';
import type { RunOutput } from '../output/run-outputs.js';
import { requireOnce } from './clip-outputs.js';

/** The folder of edited frames, as the value of `--format`. */
const EDIT_PNG = 'edit-png';
const EDIT_VIDEO = 'edit.mp4';

/**
 * Where an edit's results go. A folder means edited frames and `.mp4` the edited video; with a format, or a name that
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

const resolve = async (place: string, format: string | undefined, hasMasks: boolean): Promise<RunOutput> => {
	const extension = (await namesFolder(place)) ? '' : extname(place).toLowerCase();
	if (format === EDIT_PNG || (format === undefined && extension === '')) {
		if (/^\.(png|mp4|mov|mkv|webm)$/.test(extension)) {
			throw new UserError(
				`"${place}" names a single file, but edited frames go into a folder; give a folder with -o.`,
			);
		}
		return {
			path: place,
			form: EDIT_PNG,
			...{ isFrames: true, isMasksOnly: false },
			open: (options) =>
				openPngSequence(
					place,
					options.existing ?? 'refuse',
					({ frame, edited }) => encodeImage('png', edited ?? frame.image),
					options.notes,
				),
		};
	}
	const namesFormat = listFormats().some(({ name }) => basename(place).toLowerCase().endsWith(name));
	const choice = await resolveFormat(
		place,
		format ?? (extension === '.mp4' && !namesFormat ? EDIT_VIDEO : undefined),
	);
	if (choice.format.name !== EDIT_VIDEO && !hasMasks) {
		throw new UserError(
			`"${place}" is to show masks (${choice.format.name}), but there is no --mask; give one, or write ${EDIT_VIDEO} or a folder.`,
		);
	}
	if (choice.kind === 'project') {
		throw new UserError(
			`"${place}" is a project file, which is written for masks; write ${EDIT_VIDEO} or a folder with --edit.`,
		);
	}
	return {
		path: choice.path,
		form: choice.format.name,
		...{ isFrames: false, isMasksOnly: false },
		open: (options) => openSink(choice, options),
	};
};

const defaultOutput = (input: string): string => `${clipStem(input)}-${EDIT_VIDEO}`;
