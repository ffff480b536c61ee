import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';

/** A clip and its cut-out, one above the other. */
export type LayeredClip = {
	readonly clip: string;
	/** A video with alpha of the clip's size, rate and length. */
	readonly cutOut: string;
	/** As displayed, in pixels. */
	readonly width: number;
	readonly height: number;
	/** Frames a second. */
	readonly frameRate: number;
	readonly frames: number;
	readonly hasAudio: boolean;
};

/** MLT's tracks in the order of the file: each composites over those before it. */
type Track = {
	readonly kind: 'audio' | 'video';
	readonly name: string;
	readonly producer: string;
	/** Kdenlive's number of the clip in the bin. */
	readonly binId: number;
};

const CLIP_ID = 2;
const CUT_OUT_ID = 3;

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
export const kdenliveProject = (layers: LayeredClip, path: string): string => {
	const last = layers.frames - 1;
	const clip = resourceFor(layers.clip, path);
	const cutOut = resourceFor(layers.cutOut, path);
	const tracks: Track[] = [
		...(layers.hasAudio
			? [{ kind: 'audio', name: 'Sound', producer: 'sound', binId: CLIP_ID } as const]
			: []),
		{ kind: 'video', name: 'Clip', producer: 'picture', binId: CLIP_ID },
		{ kind: 'video', name: 'Object', producer: 'object', binId: CUT_OUT_ID },
	];
	return [
		'<?xml version="1.0" encoding="utf-8"?>',
		'<mlt LC_NUMERIC="C" producer="main_bin" version="7.12.0">',
		profile(layers),
		producer('black_track', last, {
			length: 2147483647,
			eof: 'continue',
			resource: 'black',
			aspect_ratio: 1,
			mlt_service: 'color',
			'kdenlive:playlistid': 'black_track',
			'set.test_audio': 0,
		}),
		...[
			mediaProducer('bin_clip', clip, CLIP_ID, layers.frames, {}),
			mediaProducer('bin_object', cutOut, CUT_OUT_ID, layers.frames, {}),
		],
		...(layers.hasAudio
			? [mediaProducer('sound', clip, CLIP_ID, layers.frames, { 'set.test_image': 1, 'set.test_audio': 0 })]
			: []),
		mediaProducer('picture', clip, CLIP_ID, layers.frames, { 'set.test_audio': 1, 'set.test_image': 0 }),
		mediaProducer('object', cutOut, CUT_OUT_ID, layers.frames, { 'set.test_audio': 1, 'set.test_image': 0 }),
		bin(last),
		...tracks.map((track, index) => trackTractor(track, index, last)),
		timeline(tracks, last),
		'</mlt>',
		'',
	].join('\n');
};

const escaped = (text: string): string =>
	text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

type Properties = Readonly<Record<string, string | number>>;

const properties = (values: Properties, indent: string): string =>
	Object.entries(values)
		.map(([name, value]) => `${indent}<property name="${name}">${escaped(String(value))}</property>`)
		.join('\n');

/** With forward slashes, which MLT takes everywhere. */
const resourceFor = (media: string, project: string): string => {
	const path = relative(dirname(resolve(project)), resolve(media));
	return (path.startsWith('..') || isAbsolute(path) ? resolve(media) : path).replaceAll('\\', '/');
};

/** The rates of NTSC are fractions, which their usual decimals only approximate. */
const rational = (frameRate: number): readonly [number, number] => {
	const ntsc = Math.round(frameRate);
	if (Math.abs(frameRate - (ntsc * 1000) / 1001) < 0.002 && Math.abs(frameRate - ntsc) > 0.002) {
		return [ntsc * 1000, 1001];
	}
	const thousandths = Math.round(frameRate * 1000);
	return thousandths % 1000 === 0 ? [thousandths / 1000, 1] : [thousandths, 1000];
};

const profile = ({ width, height, frameRate }: LayeredClip): string => {
	const [numerator, denominator] = rational(frameRate);
	const attributes = {
		description: `${width}x${height} ${(numerator / denominator).toFixed(2)}fps`,
		width,
		height,
		progressive: 1,
		sample_aspect_num: 1,
		sample_aspect_den: 1,
		display_aspect_num: width,
		display_aspect_den: height,
		frame_rate_num: numerator,
		frame_rate_den: denominator,
		colorspace: height > 576 ? 709 : 601,
	};
	const text = Object.entries(attributes).map(([name, value]) => `${name}="${value}"`);
	return `  <profile ${text.join(' ')}/>`;
};

const producer = (id: string, last: number, values: Properties): string =>
	[`  <producer id="${id}" in="0" out="${last}">`, properties(values, '    '), '  </producer>'].join('\n');

const mediaProducer = (
	id: string,
	resource: string,
	binId: number,
	frames: number,
	more: Properties,
): string =>
	producer(id, frames - 1, {
		length: frames,
		eof: 'pause',
		resource,
		mlt_service: 'avformat-novalidate',
		seekable: 1,
		'kdenlive:id': binId,
		'kdenlive:clipname': basename(resource),
		'kdenlive:folderid': -1,
		'kdenlive:clip_type': 0,
		...more,
	});

const bin = (last: number): string =>
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
		`    <entry producer="bin_clip" in="0" out="${last}"/>`,
		`    <entry producer="bin_object" in="0" out="${last}"/>`,
		'  </playlist>',
	].join('\n');

/** A track of Kdenlive is two playlists, so that clips can overlap in a mix. */
const trackTractor = (track: Track, index: number, last: number): string => {
	const hidden = track.kind === 'audio' ? 'video' : 'audio';
	return [
		`  <playlist id="track${index}_a">`,
		...(track.kind === 'audio' ? ['    <property name="kdenlive:audio_track">1</property>'] : []),
		`    <entry producer="${track.producer}" in="0" out="${last}">`,
		properties({ 'kdenlive:id': track.binId }, '      '),
		'    </entry>',
		'  </playlist>',
		`  <playlist id="track${index}_b">`,
		...(track.kind === 'audio' ? ['    <property name="kdenlive:audio_track">1</property>'] : []),
		'  </playlist>',
		`  <tractor id="track${index}" in="0" out="${last}">`,
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
