import { pathToFileURL } from 'node:url';
import { clipName, type Project } from './project.js';

/**
 * A timeline in OpenTimelineIO's JSON (https://opentimelineio.readthedocs.io, schemas of version 0.15): the clip on the
 * lower video track and on a sound track, its cut-out on the upper video track.
 */
export const openTimeline = (project: Project): string => {
	const { clip, layer, frames, clipStart, frameRate } = project;
	const timecode = project.timecode ?? { clip: 0, layer: 0 };
	const rate = frameRate.numerator / frameRate.denominator;
	const time = (value: number) => ({ OTIO_SCHEMA: 'RationalTime.1', rate, value });
	const range = (start: number, duration: number) => ({
		OTIO_SCHEMA: 'TimeRange.1',
		start_time: time(start),
		duration: time(duration),
	});
	/** @param begin the file's first frame by its timecode; @param start frames from there to what is shown */
	const track = (name: string, kind: 'Video' | 'Audio', path: string, begin: number, start: number) => ({
		OTIO_SCHEMA: 'Track.1',
		...{ name, kind, metadata: {}, source_range: null, effects: [], markers: [] },
		children: [
			{
				OTIO_SCHEMA: 'Clip.1',
				...{ name: clipName(path), metadata: {}, effects: [], markers: [] },
				source_range: range(begin + start, frames),
				media_reference: {
					OTIO_SCHEMA: 'ExternalReference.1',
					...{ name: clipName(path), metadata: {} },
					available_range: range(begin, start + frames),
					target_url: pathToFileURL(path).href,
				},
			},
		],
	});
	const timeline = {
		OTIO_SCHEMA: 'Timeline.1',
		...{
			name: project.title,
			metadata: {},
			global_start_time: project.timecode ? time(timecode.clip + clipStart) : null,
		},
		tracks: {
			OTIO_SCHEMA: 'Stack.1',
			...{ name: 'tracks', metadata: {}, source_range: null, effects: [], markers: [] },
			children: [
				track('V1', 'Video', clip.path, timecode.clip, clipStart),
				track('V2', 'Video', layer.path, timecode.layer, 0),
				...(clip.hasAudio ? [track('A1', 'Audio', clip.path, timecode.clip, clipStart)] : []),
			],
		},
	};
	return `${JSON.stringify(timeline, undefined, '\t')}\n`;
};
