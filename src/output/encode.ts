import { UserError } from '../core/errors.js';
import { FrameNames } from '../media/frame-names.js';
import { openAnnotations } from './annotations/annotations.js';
import { openFfmpegVideoSink } from './ffmpeg-video-sink.js';
import { openFrameSequence } from './frame-folder.js';
import { objectPath, openObjectSinks } from './object-mattes-sink.js';
import type { OutputChoice } from './output-format.js';
import { openProjectFile } from './project-files/project-file-sink.js';
import type { SinkOptions } from './sink-options.js';
import { openSpriteSheets } from './sprite-sheet-sink.js';
import type { VideoSink } from './video-sink.js';

/** Of one output with a video for each object. */
const encodersAtOnce = 16;

/** Kinds that tell objects apart or refer to their matte, and show no picture of their own. */
const formatsOfMasks: ReadonlySet<OutputChoice['kind']> = new Set([
	'object-frames',
	'object-videos',
	'annotations',
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
	const premultiplied = options.premultiplied ?? false;
	const objects = options.objects ?? [];
	if (options.objects === undefined && formatsOfMasks.has(choice.kind)) {
		throw new UserError(
			`"${path}" is made of masks alone (${choice.format.name}); write it in a run without --edit.`,
		);
	}
	switch (choice.kind) {
		case 'frames': {
			const { encode, extension } = choice.format;
			return openFrameSequence(
				await FrameNames.of(path, extension),
				(result) => encode(result, { premultiplied }),
				options,
			);
		}
		case 'video':
			return openFfmpegVideoSink(path, choice.format, existing, options);
		case 'object-frames': {
			const { encode, extension } = choice.format;
			const names = await FrameNames.of(path, extension);
			return openObjectSinks(objects, (id) =>
				openFrameSequence(names.ofObject(id), (result) => encode(result, { premultiplied }), {
					...options,
					notes: undefined,
				}),
			);
		}
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
		case 'annotations':
			return openAnnotations(path, choice.format.layout, objects, existing, options);
		case 'project':
			return openProjectFile(path, existing, options);
	}
};
