import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { asScript, fileNames } from '../project-files/after-effects.js';
import { cornersOf, keyframes, rounded, type Track, type Tracks } from './tracks.js';

const template = new URL('../../../presets/project-files/after-effects-tracks.jsx', import.meta.url);

const rateOf = ({ frameRate }: Tracks): number => frameRate.numerator / frameRate.denominator;

/** Counted from a pixel's corner. */
const positions = (track: Track): readonly (readonly [frame: number, x: number, y: number])[] =>
	keyframes(track).map(([frame, { x, y }]) => [frame, rounded(x + 0.5), rounded(y + 0.5)]);

/**
 * A script for After Effects that builds a composition: the clip, a null for each track, and for a plane a solid that is
 * pinned to it.
 *
 * @param path where the script will be
 */
export const afterEffectsTracks = async (all: Tracks, path: string): Promise<string> => {
	const rate = rateOf(all);
	const frames = all.tracks[0]?.points.length ?? 0;
	const values = {
		...{ title: `${basename(all.clip, extname(all.clip))} tracks`, isPlane: all.isPlane },
		...{ width: all.width, height: all.height, frameRate: rate, seconds: frames / rate },
		clip: { ...fileNames(path, resolve(all.firstFile)), isSequence: all.numbers !== undefined },
		tracks: all.tracks.map((track) => ({
			name: track.name,
			times: positions(track).map(([frame]) => frame / rate),
			values: positions(track).map(([, x, y]) => [x, y]),
		})),
	};
	const text = await readFile(template, 'utf8');
	return text.replace('/* PROJECT */ {}', () => asScript(values));
};

/**
 * Keyframes to be copied and pasted onto a layer in After Effects: the position of the first track, or a plane's corner pin.
 */
export const afterEffectsKeyframes = (all: Tracks): string => {
	const { width, height } = all;
	const rows = (track: Track, ...rest: readonly number[]): string[] =>
		positions(track).map((position) => `\t${[...position, ...rest].join('\t')}\t`);
	return [
		'Adobe After Effects 8.0 Keyframe Data',
		'',
		`\tUnits Per Second\t${rateOf(all)}`,
		`\tSource Width\t${width}`,
		`\tSource Height\t${height}`,
		'\tSource Pixel Aspect Ratio\t1',
		'\tComp Pixel Aspect Ratio\t1',
		'',
		...(all.isPlane
			? pinOrder(all).flatMap(([name, track], n) => [
					`Effects\tCorner Pin #1\t${name} #${n + 2}`,
					'\tFrame\tX pixels\tY pixels\t',
					...rows(track),
					'',
				])
			: all.tracks
					.slice(0, 1)
					.flatMap((track) => [
						'Transform\tPosition',
						'\tFrame\tX pixels\tY pixels\tZ pixels\t',
						...rows(track, 0),
						'',
					])),
		'',
		'End of Keyframe Data',
		'',
	].join('\r\n');
};

const pinOrder = (all: Tracks): readonly (readonly [name: string, track: Track])[] => {
	const [topLeft, topRight, bottomRight, bottomLeft] = cornersOf(all);
	return [
		['Upper Left', topLeft],
		['Upper Right', topRight],
		['Lower Left', bottomLeft],
		['Lower Right', bottomRight],
	];
};
