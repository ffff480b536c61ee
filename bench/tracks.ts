/**
 * How exactly points and planes are tracked, beside OpenCV's pyramidal Lucas-Kanade, on clips whose motion is known
 * exactly, as tables in Markdown: for points the measures of TAP-Vid, and the median error of those that are rightly said to be in sight,
 * in the clip's own pixels; for planes the error of their corners.
 *
 *     npm run bench:tracks -- [--only birds,rock] [--spacing 54] [--at 0,middle] [--parts points,planes]
 *
 * Needs a Python with cv2 (Debian's python3-opencv); PYTHON names another one.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { LabelMap, Raster } from '../src/core/frame.js';
import type { Point } from '../src/core/point.js';
import type { Size } from '../src/core/size.js';
import { openStoredEngine } from '../src/jobs/open-engine.js';
import { openClip } from '../src/media/clip.js';
import { writeImage } from '../src/media/image.js';
import { readLabelMap } from '../src/media/label-map.js';
import { RunFrames } from '../src/media/run-frames.js';
import { type Corners, PlaneTracker } from '../src/tracks/plane-tracker.js';
import { PointTracker } from '../src/tracks/point-tracker.js';
import { type SeenFrame, type Tracker, trackFrames } from '../src/tracks/track-frames.js';
import { head, median, row } from './table.js';
import { followPoint, type KnownObject, knownObjects } from './tracks/known-motion.js';
import { type Compared, compare, quantile, tapVid } from './tracks/measures.js';
import { drawScene, gridOf, loadScenes, type TruePoint, truePath } from './tracks/scenes.js';

const { values } = parseArgs({
	options: {
		only: { type: 'string' },
		spacing: { type: 'string', default: '54' },
		at: { type: 'string', default: '0,middle' },
		parts: { type: 'string', default: 'points,planes' },
	},
});
const spacing = Number(values.spacing);

/** A clip with its truth. */
type Case = {
	readonly name: string;
	readonly frames: number;
	images(): AsyncIterable<Raster<3>>;
	/** Points of a frame, each with its way through the clip. */
	paths(at: number): Promise<TruePoint[][]>;
	/** The same of a plane's corners in frame 0. */
	readonly plane?: TruePoint[][];
};

const drawnCases = async (): Promise<Case[]> =>
	(await loadScenes()).map((scene) => ({
		name: scene.name,
		frames: scene.frames,
		async *images() {
			for (let frame = 0; frame < scene.frames; frame++) {
				yield drawScene(scene, frame);
			}
		},
		paths: async (at) => gridOf(scene, at, spacing).map(([x, y]) => truePath(scene, at, x, y)),
		plane: scene.plane.map(([x, y]) => truePath(scene, 0, x, y)),
	}));

/** Points of the samples' objects: of frame 0 only, from which their motion is known. */
const sampleCases = async (): Promise<Case[]> =>
	Object.entries(await knownObjects()).map(([name, objects]) => {
		const folder = fileURLToPath(new URL(`../samples/${name}/`, import.meta.url));
		const frames = name === 'bear' ? 72 : 36;
		return {
			...{ name: `sample ${name}`, frames },
			async *images() {
				for await (const { image } of (await openClip(`${folder}clip.mp4`)).frames()) {
					yield image;
				}
			},
			async paths(at) {
				const masks: LabelMap[] = [];
				for (let frame = 0; at === 0 && frame < frames; frame++) {
					masks.push(await readLabelMap(`${folder}truth/${String(frame).padStart(5, '0')}.png`));
				}
				return objects.flatMap((object) => samplePaths(object, masks));
			},
		};
	});

const samplePaths = (object: KnownObject, masks: readonly LabelMap[]): TruePoint[][] => {
	const [first] = masks;
	if (first === undefined) {
		return [];
	}
	const isOn = ({ width, height, ids }: LabelMap, x: number, y: number): boolean =>
		x >= 0 &&
		y >= 0 &&
		x <= width - 1 &&
		y <= height - 1 &&
		ids[Math.round(y) * width + Math.round(x)] === object.id;
	const paths: TruePoint[][] = [];
	// Objects are smaller than frames.
	const step = spacing / 2;
	for (let y = step / 2; y < first.height; y += step) {
		for (let x = step / 2; x < first.width; x += step) {
			if ([-3, 0, 3].every((d) => isOn(first, x + d, y) && isOn(first, x, y + d))) {
				paths.push(
					masks.map((mask, frame) => {
						const [toX, toY] = followPoint(object, x, y, frame);
						return { x: toX, y: toY, visible: isOn(mask, toX, toY) };
					}),
				);
			}
		}
	}
	return paths;
};

/** What a tracker says of points in every frame, and how much CPU time that took. */
type Run = {
	readonly frames: readonly (readonly { x: number; y: number; visible: boolean }[])[];
	readonly milliseconds: number;
};

const lucasKanade = (folder: string, at: number, kind: string, points: readonly Point[]): Promise<Run> =>
	new Promise((fulfil, reject) => {
		const script = fileURLToPath(new URL('tracks/lucas_kanade.py', import.meta.url));
		const child = spawn(process.env.PYTHON ?? '/usr/bin/python3', [script, folder, String(at), kind], {
			stdio: ['pipe', 'pipe', 'inherit'],
		});
		const chunks: Buffer[] = [];
		child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
		child.on('error', reject);
		child.on('close', (code) => {
			if (code !== 0) {
				reject(new Error(`${script} failed.`));
				return;
			}
			const { frames, milliseconds } = JSON.parse(Buffer.concat(chunks).toString()) as {
				frames: [number, number, boolean][][];
				milliseconds: number;
			};
			fulfil({
				milliseconds,
				frames: frames.map((places) => places.map(([x, y, visible]) => ({ x, y, visible }))),
			});
		});
		child.stdin.end(JSON.stringify(points));
	});

const engine = await openStoredEngine(undefined, { device: 'cpu', threads: 1 });

/** Descriptors are computed before, so that what is timed is the tracking. */
const ours = async (
	folder: string,
	at: number,
	start: (first: SeenFrame, size: Size) => Tracker,
): Promise<Run> => {
	const clip = await openClip(folder);
	for await (const { image } of clip.frames()) {
		await engine.extractor.extract(image);
	}
	const before = process.cpuUsage();
	const frames: Run['frames'][number][] = [];
	for await (const { frame, points } of trackFrames(
		new RunFrames(clip, {}, true),
		at,
		engine.extractor,
		start,
	)) {
		frames[frame] = points;
	}
	const { user, system } = process.cpuUsage(before);
	return { frames, milliseconds: (user + system) / 1000 };
};

const methods = ['propagate', 'Lucas-Kanade'] as const;
const all = new Map<string, Compared[]>();
const times = new Map<string, number[]>();
const planeRows: string[] = [];
const rowOf = (name: string, method: string, points: readonly Compared[]): string => {
	const { delta, jaccard, occlusion } = tapVid(points);
	const right = points.filter(({ isVisible, isSaidVisible }) => isVisible && isSaidVisible);
	const shares = [jaccard, delta, occlusion].map((value) => (100 * value).toFixed(1));
	return row(name, method, ...shares, median(right.map(({ pixels }) => pixels)).toFixed(2));
};

const measure = async (one: Case, folder: string, size: Size): Promise<void> => {
	for (const place of values.parts.includes('points') ? values.at.split(',') : []) {
		const at = place === 'middle' ? Math.floor(one.frames / 2) : Number(place);
		const truth = await one.paths(at);
		if (truth.length === 0) {
			continue;
		}
		const points = truth.map((path) => [path[at]?.x ?? 0, path[at]?.y ?? 0] as const);
		const runs = [
			await ours(folder, at, (first, frame) => new PointTracker(points, frame, first)),
			await lucasKanade(folder, at, 'points', points),
		];
		for (const [n, method] of methods.entries()) {
			const { frames, milliseconds } = runs[n]!;
			const compared = compare(truth, frames, at, size);
			all.set(method, [...(all.get(method) ?? []), ...compared]);
			times.set(method, [...(times.get(method) ?? []), milliseconds / frames.length]);
			console.log(rowOf(n === 0 ? `${one.name}, ${at} (${points.length})` : '', method, compared));
		}
	}
	if (one.plane !== undefined && values.parts.includes('planes')) {
		const corners = one.plane.map(([first]) => [first?.x ?? 0, first?.y ?? 0] as const) as unknown as Corners;
		const runs = [
			await ours(folder, 0, (first, frame) => new PlaneTracker(corners, frame, first)),
			await lucasKanade(folder, 0, 'plane', corners),
		];
		const cells = runs.flatMap(({ frames }) => {
			const errors = compare(one.plane ?? [], frames, 0, size).map(({ pixels }) => pixels);
			return [median(errors), quantile(errors, 0.95)].map((value) => value.toFixed(2));
		});
		planeRows.push(row(one.name, ...cells));
	}
};

try {
	console.log(head('clip, points given in frame (how many)', 'by', 'AJ', 'δ avg', 'OA', 'median px'));
	for (const one of [...(await sampleCases()), ...(await drawnCases())]) {
		if (values.only !== undefined && !values.only.split(',').some((part) => one.name.includes(part))) {
			continue;
		}
		const folder = await mkdtemp(join(tmpdir(), 'propagate-tracks-'));
		try {
			let size: Size = { width: 0, height: 0 };
			let count = 0;
			for await (const image of one.images()) {
				size = image;
				await writeImage(join(folder, `${String(count++).padStart(5, '0')}.png`), image);
			}
			await measure(one, folder, size);
		} finally {
			await rm(folder, { recursive: true });
		}
	}
	for (const [method, points] of all) {
		console.log(rowOf('**all**', method, points));
	}
	console.log(`\n${head('plane', 'propagate, median px', '95 %', 'Lucas-Kanade, median px', '95 %')}`);
	console.log(planeRows.join('\n'));
	const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
	const each = [...times].map(([method, list]) => `${method} ${mean(list).toFixed(0)}`);
	if (each.length > 0) {
		console.log(`\nCPU milliseconds a frame, all points: ${each.join(', ')}.`);
	}
} finally {
	await engine.close();
}
