import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import { encodeImage } from '../media/image.js';
import { encodeIndexedPng } from '../media/indexed-png.js';
import { openCocoFile } from './coco-sink.js';
import { openFfmpegVideoSink } from './ffmpeg-video-sink.js';
import { objectPath, openMattePngs, openObjectSinks } from './object-mattes-sink.js';
import type { OutputChoice } from './output-format.js';
import { openPngSequence } from './png-sequence-sink.js';
import { openProjectFile } from './project-files/project-file-sink.js';
import type { SinkOptions } from './sink-options.js';
import { openSpriteSheets } from './sprite-sheet-sink.js';
import type { VideoSink } from './video-sink.js';

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
			// Indexed, with the ids and the palette of the mask.
			return openPngSequence(path, existing, ({ labels }) => encodeIndexedPng(labels), options.notes);
		case 'frame-pngs': {
			const { render } = choice.format;
			const premultiplied = options.premultiplied ?? false;
			return openPngSequence(
				path,
				existing,
				(result) => encodeImage('png', render(result, { premultiplied })),
				options.notes,
			);
		}
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
