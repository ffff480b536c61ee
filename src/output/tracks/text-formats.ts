import Papa from 'papaparse';
import { rounded, type Tracks } from './tracks.js';

/** `{"tracks": [{"start": [x, y], "points": [[x, y, visible], …]}]}`, one entry a frame, in pixels as displayed. */
export const tracksJson = ({
	clip,
	width,
	height,
	frameRate,
	at,
	numbers,
	isPlane,
	tracks,
}: Tracks): string =>
	`${JSON.stringify({
		...{ clip, width, height, frameRate: frameRate.numerator / frameRate.denominator },
		...{ at, numbers, kind: isPlane ? 'plane' : 'points' },
		tracks: tracks.map(({ name, start, points }) => ({
			name,
			start,
			points: points.map(({ x, y, visible }) => [rounded(x), rounded(y), visible]),
		})),
	})}\n`;

/** A row for each track and frame. */
export const tracksCsv = (all: Tracks): string =>
	`${Papa.unparse(
		all.tracks.flatMap(({ name, points }) =>
			points.map(({ x, y, visible, confidence }, frame) => ({
				...{ track: name, frame: all.numbers?.[frame] ?? frame, x: rounded(x), y: rounded(y) },
				...{ visible: visible ? 1 : 0, confidence: rounded(confidence) },
			})),
		),
		{ newline: '\n' },
	)}\n`;
