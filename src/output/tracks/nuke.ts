import {
	cornersOf,
	keyframes,
	numberOfFrame,
	plainName,
	rounded,
	type Track,
	type Tracks,
} from './tracks.js';

/** The columns of Tracker4's table: type, whether it is animated, width, name, label, whether it is shown. */
const columns = [
	'5 1 20 enable e 1',
	'3 1 75 name name 1',
	'2 1 58 track_x track_x 1',
	'2 1 58 track_y track_y 1',
	'2 1 63 offset_x offset_x 1',
	'2 1 63 offset_y offset_y 1',
	'4 1 27 T T 1',
	'4 1 27 R R 1',
	'4 1 27 S S 1',
	'2 0 45 error error 1',
	...['error_min', 'error_max'].map((name) => `1 1 0 ${name} ${name} 1`),
	...['pattern', 'search'].flatMap((area) =>
		['x', 'y', 'r', 't'].map((side) => `1 1 0 ${area}_${side} ${area}_${side} 1`),
	),
	...['track', 'search_x', 'search_y', 'search_r', 'search_t', 'track_x', 'track_y', 'track_r', 'track_t']
		.concat('centre_offset_x', 'centre_offset_y')
		.map((name) => `2 1 0 key_${name} key_${name} 1`),
];

/** Nodes to be pasted into Nuke's graph, or read with `nuke.nodePaste`: a Tracker4, and for a plane a CornerPin2D as well. */
export const nukeNodes = (all: Tracks): string =>
	[
		'set cut_paste_input [stack 0]',
		'version 12.0 v1',
		'push $cut_paste_input',
		...tracker(all),
		...(all.isPlane ? ['push $cut_paste_input', ...cornerPin(all)] : []),
		'',
	].join('\n');

const tracker = (all: Tracks): string[] => [
	'Tracker4 {',
	` tracks { { 1 ${columns.length} ${all.tracks.length} }`,
	`{ ${columns.map((column) => `{ ${column} }`).join('\n')} }`,
	'{',
	...all.tracks.map((track) => {
		const [x, y] = curves(all, track);
		const boxes = '-32 -32 32 32 -22 -22 22 22';
		const keys = Array.from({ length: 11 }, () => '{}').join(' ');
		return ` { {curve K x${numberOfFrame(all, all.at)} 1} ${quoted(track.name)} ${x} ${y} {curve K x${numberOfFrame(all, all.at)} 0} {curve K x${numberOfFrame(all, all.at)} 0} 1 0 0 {curve x${numberOfFrame(all, all.at)} 0} 1 0 ${boxes} ${keys} }`;
	}),
	'}',
	'}',
	` reference_frame ${numberOfFrame(all, all.at)}`,
	' name PropagateTracker',
	' selected true',
	'}',
];

/** Corners are counted from the bottom left one, against the clock; `from` is where they were given. */
const cornerPin = (all: Tracks): string[] => {
	const [topLeft, topRight, bottomRight, bottomLeft] = cornersOf(all);
	const corners = [bottomLeft, bottomRight, topRight, topLeft];
	return [
		'CornerPin2D {',
		...corners.map((track, n) => ` to${n + 1} {${curves(all, track).join(' ')}}`),
		...corners.map(({ start }, n) => ` from${n + 1} {${place(all, start[0], start[1]).join(' ')}}`),
		' name PropagateCornerPin',
		' selected true',
		'}',
	];
};

/** Nuke counts from the bottom, and a pixel's centre is at its half. */
const place = ({ height }: Tracks, x: number, y: number): readonly [number, number] => [
	rounded(x + 0.5),
	rounded(height - y - 0.5),
];

const curves = (all: Tracks, track: Track): readonly [x: string, y: string] => {
	const keys = keyframes(track).map(([frame, { x, y }]) => ({
		frame: numberOfFrame(all, frame),
		at: place(all, x, y),
	}));
	const curve = (axis: 0 | 1): string =>
		`{curve L ${keys.map(({ frame, at }) => `x${frame} ${at[axis]}`).join(' ')}}`;
	return [curve(0), curve(1)];
};

/** As Tcl reads it. */
const quoted = (name: string): string => `"${plainName(name)}"`;
