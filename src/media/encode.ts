import { join } from 'node:path';
import { UserError } from '../errors.js';
import { openProjectFile } from '../project-files/project-file-sink.js';
import { openCocoFile } from './coco-sink.js';
import { openFfmpegVideoSink, type VideoSinkOptions } from './ffmpeg-video-sink.js';
import type { FrameNotes } from './frame-folder.js';
import { objectPath, openMattePngs, openObjectSinks } from './object-mattes-sink.js';
import type { OutputChoice } from './output-format.js';
import { openPngSequence } from './png-sequence-sink.js';
import { openSpriteSheets } from './sprite-sheet-sink.js';
import type { Existing, VideoSink } from './video-sink.js';

export type SinkOptions = VideoSinkOptions & {
	/** What to do with output that is there already. Default: refuse. */
	readonly existing?: Existing | undefined;
	/** What an earlier run is known to have left in a folder of frames, and where to write down what is made. */
	readonly notes?: FrameNotes | undefined;
	/** Ids of all objects that may occur, for formats that tell objects apart. */
	readonly objects?: readonly number[] | undefined;
	/** What a project file refers to. */
	readonly project?: ProjectMedia | undefined;
};

/** The videos that a project file puts on its tracks. */
export type ProjectMedia = {
	/** The clip that the results belong to. */
	readonly clip: string;
	/** Its cut-out or matte, made in the same run. */
	readonly layer: { readonly path: string; readonly shows: 'cut-out' | 'matte' };
};

/** Of one output with a video for each object. */
const encodersAtOnce = 16;

/** Kinds that tell objects apart or refer to their matte, and show no picture of their own. */
const formatsOfMasks: ReadonlySet<OutputChoice['kind']> = new Set([
	'object-pngs',
	'object-videos',
	'coco',
	'project',
]);

/**
 * Opens the place where results go; `choice` comes from `resolveFormat`.
 *
 * Frames keep their times in the source. For an excerpt give `beginSeconds`, the time of its first frame: the output
 * then begins at 0, and so does the sound.
 *
 * @throws UserError when the place is taken or cannot be written, before any frame is.
 */
export const openSink = async (choice: OutputChoice, options: SinkOptions): Promise<VideoSink> => {
	const existing = options.existing ?? 'refuse';
	const { path } = choice;
	const objects = options.objects ?? [];
	if (options.objects === undefined && formatsOfMasks.has(choice.kind)) {
		throw new UserError(
			`"${path}" is made of masks alone (${choice.format.name}); write it in a run without --edit.`,
		);
	}
	switch (choice.kind) {
		case 'png':
			return openPngSequence(path, existing, options.notes);
		case 'video':
			return openFfmpegVideoSink(path, choice.format, existing, options);
		case 'object-pngs':
			return openObjectSinks(objects, (id) => openMattePngs(join(path, String(id)), existing));
		case 'object-videos': {
			const { each } = choice.format;
			return openObjectSinks(
				objects,
				(id) => openFfmpegVideoSink(objectPath(path, id), each, existing, options),
				encodersAtOnce,
			);
		}
		case 'sprites':
			return openSpriteSheets(path, existing);
		case 'coco':
			return openCocoFile(path, choice.format.segmentation, objects, existing);
		case 'project':
			return openProjectFile(path, existing, options);
	}
};
