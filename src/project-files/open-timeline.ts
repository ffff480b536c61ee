import { pathToFileURL } from 'node:url';
import { clipName, type Project } from './project.js';

/**
 * A timeline in OpenTimelineIO's JSON (https://opentimelineio.readthedocs.io, schemas of version 0.15): the clip on the
 * lower video track and on a sound track, its cut-out on the upper video track.
 */
export const openTimeline = (project: Project): string => {
	const { clip, layer, frames, clipStart, frameRate } = project;
	const rate = frameRate.numerator / frameRate.denominator;
	const time = (value: number) => ({ OTIO_SCHEMA: 'RationalTime.1', rate, value });
	const range = (start: number, duration: number) => ({
		OTIO_SCHEMA: 'TimeRange.1',
		start_time: time(start),
		duration: time(duration),
	});
	const track = (name: string, kind: 'Video' | 'Audio', path: string, start: number) => ({
		OTIO_SCHEMA: 'Track.1',
		...{ name, kind, metadata: {}, source_range: null, effects: [], markers: [] },
		children: [
			{
				OTIO_SCHEMA: 'Clip.1',
				...{ name: clipName(path), metadata: {}, effects: [], markers: [] },
				source_range: range(start, frames),
				media_reference: {
					OTIO_SCHEMA: 'ExternalReference.1',
					...{ name: clipName(path), metadata: {} },
					available_range: range(0, start + frames),
					target_url: pathToFileURL(path).href,
				},
			},
		],
	});
	const timeline = {
		OTIO_SCHEMA: 'Timeline.1',
		...{ name: project.title, metadata: {}, global_start_time: null },
		tracks: {
			OTIO_SCHEMA: 'Stack.1',
			...{ name: 'tracks', metadata: {}, source_range: null, effects: [], markers: [] },
			children: [
				track('V1', 'Video', clip.path, clipStart),
				track('V2', 'Video', layer.path, 0),
				...(clip.hasAudio ? [track('A1', 'Audio', clip.path, clipStart)] : []),
			],
		},
	};
	return `${JSON.stringify(timeline, undefined, '\t')}\n`;
};
