import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { head, row } from '../table.js';
import { cutMask, scaledMask, writeLoopedClip } from './looped-clip.js';
import { type ProgramRun, runProgram } from './run-program.js';

const sizes = {
	'240p': { width: 426, height: 240 },
	'480p': { width: 854, height: 480 },
	'1080p': { width: 1920, height: 1080 },
} as const;

export type GridPoint = {
	readonly size: keyof typeof sizes;
	readonly objects: number;
	readonly frames: number;
};

/** Every size with every number of objects on a short clip; longer clips at 480p only, where they say the same. */
export const defaultPoints = (long: boolean): GridPoint[] => {
	const short = pointsOf(['240p', '480p', '1080p'], [1, 3, 10], [60]);
	return [...short, ...pointsOf(['480p'], [1, 10], [600]), ...(long ? pointsOf(['480p'], [1], [2000]) : [])];
};

/** All combinations. @throws Error for a size that is not there */
export const pointsOf = (
	names: readonly string[],
	objects: readonly number[],
	frames: readonly number[],
): GridPoint[] =>
	names.flatMap((size) => {
		if (!isSize(size)) {
			throw new Error(`There is no size "${size}"; there are ${Object.keys(sizes).join(', ')}.`);
		}
		return objects.flatMap((count) => frames.map((length) => ({ size, objects: count, frames: length })));
	});

const isSize = (name: string): name is GridPoint['size'] => name in sizes;

/**
 * Runs the program at each point, once, and prints a table as it goes: one run of minutes says more than medians of seconds,
 * and the rows check each other.
 *
 * @param source a clip and its first mask
 * @param options further options of the command
 */
export const printGrid = async (
	source: { readonly clip: string; readonly mask: string },
	points: readonly GridPoint[],
	options: readonly string[],
): Promise<void> => {
	const scratch = await mkdtemp(join(tmpdir(), 'bench-grid-'));
	const found: { readonly point: GridPoint; readonly run: ProgramRun }[] = [];
	try {
		const mask = await readLabelMap(source.mask);
		console.log(
			head(
				...['size', 'objects', 'frames', 'frames/s', 'ms a frame after the first'],
				...['CPU s a frame', 'first mask, s', 'peak memory, MB'],
			),
		);
		for (const point of points) {
			const size = sizes[point.size];
			const clip = join(scratch, 'clip.mp4');
			const first = join(scratch, 'first.png');
			await writeLoopedClip(source.clip, clip, size, point.frames);
			const cut = cutMask(scaledMask(mask, size), point.objects);
			await writeIndexedPng(first, { ...cut, palette: davisPalette });
			const run = await runProgram(clip, first, options);
			if (run.frames !== point.frames) {
				throw new Error(`A clip of ${point.frames} frames came out as ${run.frames}.`);
			}
			found.push({ point, run });
			console.log(
				row(
					...[point.size, String(point.objects), String(point.frames)],
					(run.frames / run.seconds).toFixed(2),
					(1000 * run.secondsPerFrame).toFixed(1),
					run.cpuSecondsPerFrame.toFixed(3),
					run.firstMaskSeconds.toFixed(2),
					run.peakMegabytes.toFixed(0),
				),
			);
		}
	} finally {
		await rm(scratch, { recursive: true });
	}
	printGrowth(found);
};

/** The longer clips against the shortest of the same size and number of objects. */
const printGrowth = (found: readonly { readonly point: GridPoint; readonly run: ProgramRun }[]): void => {
	console.log();
	for (const { point, run } of found) {
		const short = found.find(
			(other) => other.point.size === point.size && other.point.objects === point.objects,
		);
		if (short !== undefined && short.point.frames < point.frames) {
			const ratio = (of: (run: ProgramRun) => number): string => (of(run) / of(short.run)).toFixed(3);
			console.log(
				`- ${point.size}, objects: ${point.objects}; ${point.frames} frames against ${short.point.frames}: time a frame × ${ratio((r) => r.secondsPerFrame)}, CPU time a frame × ${ratio((r) => r.cpuSecondsPerFrame)}, peak memory × ${ratio((r) => r.peakMegabytes)}`,
			);
		}
	}
};
