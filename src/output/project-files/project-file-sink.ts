import { extname, parse, resolve } from 'node:path';
import { writeFailure } from '../../core/atomic-file.js';
import { UserError } from '../../core/errors.js';
import { GrowingFile } from '../growing-file.js';
import type { SinkOptions } from '../sink-options.js';
import { framesOfTimecode, isDropped } from '../timecode.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { afterEffectsScript } from './after-effects.js';
import { finalCutProject } from './final-cut.js';
import { kdenliveProject } from './kdenlive.js';
import { mltProject } from './mlt.js';
import { openTimeline } from './open-timeline.js';
import { exactFrameRate, type FrameRate, type Project, type ProjectTimecode } from './project.js';

const writers: Readonly<Record<string, (project: Project, path: string) => string | Promise<string>>> = {
	'.kdenlive': kdenliveProject,
	'.mlt': mltProject,
	'.otio': openTimeline,
	'.jsx': afterEffectsScript,
	'.fcpxml': finalCutProject,
};

/**
 * A project file that refers to the clip and to a video of the same run. It is written when the last frame is known;
 * finish it after that video.
 *
 * @throws UserError when the clip is not a video, or the place is taken or cannot be written
 */
export const openProjectFile = async (
	path: string,
	existing: Existing,
	{ clip, project: media, beginSeconds }: SinkOptions,
): Promise<VideoSink> => {
	const write = writers[extname(path).toLowerCase()];
	if (write === undefined) {
		throw new Error(`"${path}" is not a kind of project file.`);
	}
	if (media === undefined) {
		throw new UserError(
			`"${path}" would refer to the clip, which must be a video file for that; give a video file, or write only its masks.`,
		);
	}
	const file = await GrowingFile.open(path, existing);
	let [first, last] = [undefined as number | undefined, 0];
	return {
		write: async ({ frame }) => {
			first ??= frame.timeSeconds;
			last = frame.timeSeconds;
		},
		finish: async () => {
			try {
				const rate = clip.rate ?? exactFrameRate(clip.frameRate);
				const framesIn = (seconds: number) => Math.round((seconds * rate.numerator) / rate.denominator);
				const project: Project = {
					title: parse(path).name,
					clip: { path: resolve(media.clip), hasAudio: clip.hasAudio },
					layer: { path: resolve(media.layer.path), shows: media.layer.shows },
					...{ width: clip.width, height: clip.height, frameRate: rate },
					frames: framesIn(last - (first ?? 0)) + 1,
					clipStart: framesIn(beginSeconds ?? 0),
					timecode: timecodeOf({ ...clip, rate }, media.layer.path, framesIn(beginSeconds ?? 0)),
				};
				await file.append(await write(project, path));
				return [await file.finish()];
			} catch (error) {
				await file.abort();
				throw writeFailure(path, error);
			}
		},
		abort: () => file.abort(),
	};
};

const timecodeOf = (
	{ timecode, rate }: { readonly timecode?: string | undefined; readonly rate: FrameRate },
	layerPath: string,
	clipStart: number,
): ProjectTimecode | undefined => {
	const first = timecode === undefined ? undefined : framesOfTimecode(timecode, rate);
	if (timecode === undefined || first === undefined) {
		return undefined;
	}
	// Only QuickTime has a track for it that all programs read.
	const layer = extname(layerPath).toLowerCase() === '.mov' ? first + clipStart : 0;
	return { clip: first, layer, isDropped: isDropped(timecode) };
};
