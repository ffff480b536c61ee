import { clipName, mltResource, type Project, pathFromProject, xmlText } from './project.js';

/** A file, and what of it is on the timeline. */
type Media = {
	readonly resource: string;
	/** Kdenlive's number of it in the bin. */
	readonly id: number;
	/** First of its frames on the timeline, and how many. */
	readonly first: number;
	readonly frames: number;
};

/** MLT's tracks in the order of the file: each composites over those before it. */
type Track = {
	readonly kind: 'audio' | 'video';
	readonly name: string;
	readonly producer: string;
	readonly media: Media;
};

const CLIP_ID = 2;
const OBJECT_ID = 3;

/** Marks what Kdenlive adds by itself, and rebuilds when it opens a project. */
const INTERNAL = 237;

/**
 * A project for Kdenlive: the clip with its sound on the lowest tracks and the cut-out on a track above, in step, so that
 * titles can go between them and effects onto either. `melt` renders the same file.
 *
 * It is document version 1.04 of Kdenlive's MLT XML (dev-docs/fileformat.md): the newest that Kdenlive 20.08 to 22.12
 * open, and which later ones convert.
 *
 * @param path where the project will be: media in its folder, or below, are named relative to it
 */
export const kdenliveProject = (project: Project, path: string): string => {
	const { frames, clipStart } = project;
	const clip = { resource: pathFromProject(path, project.clip.path), id: CLIP_ID, first: clipStart, frames };
	const object = { resource: pathFromProject(path, project.layer.path), id: OBJECT_ID, first: 0, frames };
	const tracks: Track[] = [
		...(project.clip.hasAudio
			? [{ kind: 'audio', name: 'Sound', producer: 'sound', media: clip } as const]
			: []),
		{ kind: 'video', name: 'Clip', producer: 'picture', media: clip },
		{ kind: 'video', name: 'Object', producer: 'object', media: object },
	];
	return [
		'<?xml version="1.0" encoding="utf-8"?>',
		'<mlt LC_NUMERIC="C" producer="main_bin" version="7.12.0">',
		profile(project),
		producer('black_track', frames - 1, {
			length: 2147483647,
			eof: 'continue',
			resource: 'black',
			aspect_ratio: 1,
			mlt_service: 'color',
			'kdenlive:playlistid': 'black_track',
			'set.test_audio': 0,
		}),
		mediaProducer('bin_clip', clip, {}),
		mediaProducer('bin_object', object, {}),
		// Kdenlive has a producer of its own for each track, which gives only the sound or only the picture.
		...tracks.map(({ kind, producer: id, media }) =>
			mediaProducer(id, media, {
				'set.test_audio': kind === 'audio' ? 0 : 1,
				'set.test_image': kind === 'audio' ? 1 : 0,
			}),
		),
		bin([
			['bin_clip', clip],
			['bin_object', object],
		]),
		...tracks.map((track, index) => trackTractor(track, index)),
		timeline(tracks, frames - 1),
		'</mlt>',
		'',
	].join('\n');
};

type Properties = Readonly<Record<string, string | number>>;

const properties = (values: Properties, indent: string): string =>
	Object.entries(values)
		.map(([name, value]) => `${indent}<property name="${name}">${xmlText(String(value))}</property>`)
		.join('\n');

const profile = ({ width, height, frameRate }: Project): string => {
	const attributes = {
		description: `${width}x${height} ${(frameRate.numerator / frameRate.denominator).toFixed(2)}fps`,
		width,
		height,
		progressive: 1,
		sample_aspect_num: 1,
		sample_aspect_den: 1,
		display_aspect_num: width,
		display_aspect_den: height,
		frame_rate_num: frameRate.numerator,
		frame_rate_den: frameRate.denominator,
		colorspace: height < 720 ? 601 : 709,
	};
	const text = Object.entries(attributes).map(([name, value]) => `${name}="${value}"`);
	return `  <profile ${text.join(' ')}/>`;
};

const producer = (id: string, last: number, values: Properties): string =>
	[`  <producer id="${id}" in="0" out="${last}">`, properties(values, '    '), '  </producer>'].join('\n');

const mediaProducer = (id: string, media: Media, more: Properties): string =>
	producer(id, media.first + media.frames - 1, {
		length: media.first + media.frames,
		eof: 'pause',
		resource: mltResource(media.resource),
		mlt_service: 'avformat-novalidate',
		seekable: 1,
		'kdenlive:id': media.id,
		'kdenlive:clipname': clipName(media.resource),
		'kdenlive:folderid': -1,
		'kdenlive:clip_type': 0,
		...more,
	});

const bin = (entries: readonly (readonly [producer: string, media: Media])[]): string =>
	[
		'  <playlist id="main_bin">',
		properties(
			{
				'kdenlive:docproperties.version': '1.04',
				'kdenlive:docproperties.kdenliveversion': '22.12.3',
				'kdenlive:docproperties.activeTrack': 1,
				'kdenlive:docproperties.compositing': 1,
				xml_retain: 1,
			},
			'    ',
		),
		...entries.map(
			([id, { first, frames }]) => `    <entry producer="${id}" in="0" out="${first + frames - 1}"/>`,
		),
		'  </playlist>',
	].join('\n');

/** A track of Kdenlive is two playlists, so that clips can overlap in a mix. */
const trackTractor = (track: Track, index: number): string => {
	const { first, frames, id } = track.media;
	const hidden = track.kind === 'audio' ? 'video' : 'audio';
	return [
		`  <playlist id="track${index}_a">`,
		...(track.kind === 'audio' ? ['    <property name="kdenlive:audio_track">1</property>'] : []),
		`    <entry producer="${track.producer}" in="${first}" out="${first + frames - 1}">`,
		properties({ 'kdenlive:id': id }, '      '),
		'    </entry>',
		'  </playlist>',
		`  <playlist id="track${index}_b">`,
		...(track.kind === 'audio' ? ['    <property name="kdenlive:audio_track">1</property>'] : []),
		'  </playlist>',
		`  <tractor id="track${index}" in="0" out="${frames - 1}">`,
		properties(
			{
				...(track.kind === 'audio' ? { 'kdenlive:audio_track': 1 } : {}),
				'kdenlive:track_name': track.name,
				'kdenlive:timeline_active': 1,
			},
			'    ',
		),
		`    <track hide="${hidden}" producer="track${index}_a"/>`,
		`    <track hide="${hidden}" producer="track${index}_b"/>`,
		'  </tractor>',
	].join('\n');
};

const timeline = (tracks: readonly Track[], last: number): string =>
	[
		`  <tractor id="timeline" global_feed="1" in="0" out="${last}">`,
		'    <track producer="black_track"/>',
		...tracks.map((_, index) => `    <track producer="track${index}"/>`),
		...tracks.map((track, index) => transition(track, index + 1)),
		'  </tractor>',
	].join('\n');

const transition = (track: Track, number: number): string => {
	// Not qtblend, which Kdenlive prefers: without a screen it composites wrongly and says nothing.
	const service = track.kind === 'audio' ? 'mix' : 'frei0r.cairoblend';
	return [
		`    <transition id="transition${number}">`,
		properties(
			{
				a_track: 0,
				b_track: number,
				mlt_service: service,
				kdenlive_id: service,
				internal_added: INTERNAL,
				always_active: 1,
				...(track.kind === 'audio' ? { accepts_blanks: 1, sum: 1 } : {}),
			},
			'      ',
		),
		'    </transition>',
	].join('\n');
};
