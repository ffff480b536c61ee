/**
 * How exactly points are tracked, beside OpenCV's pyramidal Lucas-Kanade, on clips whose motion is known exactly: the
 * measures of TAP-Vid, and the median error of visible points in the clip's own pixels.
 *
 *     npm run bench:tracks -- [--only birds,rock] [--spacing 54] [--at 0,middle]
 *
 * Needs a Python with cv2 (Debian's python3-opencv); set PYTHON to choose one.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Raster } from '../src/core/frame.js';
import { openStoredEngine } from '../src/jobs/open-engine.js';
import { openClip } from '../src/media/clip.js';
import { writeImage } from '../src/media/image.js';
import { readLabelMap } from '../src/media/label-map.js';
import { RunFrames } from '../src/media/run-frames.js';
import { PointTracker } from '../src/tracks/point-tracker.js';
import { trackFrames } from '../src/tracks/track-frames.js';
import { followPoint, knownObjects } from './known-motion.js';
import { head, median, row } from './table.js';
import { type Compared, tapVid } from './tracks/measures.js';
import { drawScene, gridOf, loadScenes, type TruePoint, truePath } from './tracks/scenes.js';

const { values } = parseArgs({
	options: {
		only: { type: 'string' },
		spacing: { type: 'string', default: '54' },
		at: { type: 'string', default: '0,middle' },
	},
});
const spacing = Number(values.spacing);
const python = process.env.PYTHON ?? '/usr/bin/python3';

/** A clip with its truth. */
type Case = {
	readonly name: string;
	readonly frames: number;
	/** Draws or decodes the frames. */
	images(): AsyncIterable<Raster<3>>;
	/** Points of a frame, each with its way through the clip. */
	paths(at: number): Promise<TruePoint[][]>;
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
	}));

/** Points of the samples' objects: of the first frame only, from which their motion is known. */
const sampleCases = async (): Promise<Case[]> =>
	Object.entries(await knownObjects()).map(([name, objects]) => {
		const folder = fileURLToPath(new URL(`../samples/${name}/`, import.meta.url));
		const frames = name === 'bear' ? 72 : 36;
		return {
			name: `sample ${name}`,
			frames,
			async *images() {
				for await (const { image } of (await openClip(`${folder}clip.mp4`)).frames()) {
					yield image;
				}
			},
			async paths(at) {
				if (at !== 0) {
					return [];
				}
				const masks = [];
				for (let frame = 0; frame < frames; frame++) {
					masks.push(await readLabelMap(`${folder}truth/${String(frame).padStart(5, '0')}.png`));
				}
				const [first] = masks;
				const paths: TruePoint[][] = [];
				const step = spacing / 2;
				for (const object of objects) {
					const isOn = (mask: typeof first, x: number, y: number): boolean =>
						mask !== undefined &&
						x >= 0 &&
						y >= 0 &&
						x <= mask.width - 1 &&
						y <= mask.height - 1 &&
						mask.ids[Math.round(y) * mask.width + Math.round(x)] === object.id;
					for (let y = step / 2; y < (first?.height ?? 0); y += step) {
						for (let x = step / 2; x < (first?.width ?? 0); x += step) {
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
				}
				return paths;
			},
		};
	});

type Found = { readonly x: number; readonly y: number; readonly visible: boolean };

const lucasKanade = (folder: string, at: number, points: readonly (readonly [number, number])[]) =>
	new Promise<{ seconds: number; frames: [number, number, boolean][][] }>((fulfil, reject) => {
		const script = fileURLToPath(new URL('lucas_kanade.py', import.meta.url));
		const child = spawn(python, [script, folder, String(at)], { stdio: ['pipe', 'pipe', 'inherit'] });
		const chunks: Buffer[] = [];
		child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
		child.on('error', reject);
		child.on('close', (code) =>
			code === 0
				? fulfil(JSON.parse(Buffer.concat(chunks).toString()))
				: reject(new Error(`${script} failed.`)),
		);
		child.stdin.end(JSON.stringify(points));
	});

const engine = await openStoredEngine(undefined, { device: 'cpu', threads: 1 });
const pixelErrors = new Map<string, number[]>();
const compared = new Map<string, Compared[]>();
const report = (
	name: string,
	method: string,
	size: Raster<3>,
	at: number,
	truth: TruePoint[][],
	found: readonly (readonly Found[])[],
): string => {
	const points: Compared[] = [];
	const errors: number[] = [];
	for (const [frame, places] of found.entries()) {
		if (frame === at) {
			continue;
		}
		for (const [i, place] of places.entries()) {
			const true_ = truth[i]?.[frame] as TruePoint;
			const [dx, dy] = [place.x - true_.x, place.y - true_.y];
			points.push({
				error: Math.hypot((dx * 256) / size.width, (dy * 256) / size.height),
				isVisible: true_.visible,
				isSaidVisible: place.visible,
			});
			if (true_.visible && place.visible) {
				errors.push(Math.hypot(dx, dy));
			}
		}
	}
	compared.set(method, [...(compared.get(method) ?? []), ...points]);
	pixelErrors.set(method, [...(pixelErrors.get(method) ?? []), ...errors]);
	return scores(name, method, points, errors);
};
const scores = (
	name: string,
	method: string,
	points: readonly Compared[],
	errors: readonly number[],
): string => {
	const { delta, jaccard, occlusion } = tapVid(points);
	return row(
		name,
		method,
		...[jaccard, delta, occlusion].map((value) => (100 * value).toFixed(1)),
		median(errors).toFixed(2),
	);
};

console.log(head('clip, points given in frame', 'by', 'AJ', 'δ avg', 'OA', 'median px'));
const timings = { frames: 0, points: 0, ours: 0, theirs: 0 };
try {
	for (const one of [...(await sampleCases()), ...(await drawnCases())]) {
		if (values.only !== undefined && !values.only.split(',').some((part) => one.name.includes(part))) {
			continue;
		}
		const folder = await mkdtemp(join(tmpdir(), 'propagate-tracks-'));
		try {
			let size: Raster<3> | undefined;
			let count = 0;
			for await (const image of one.images()) {
				size = image;
				await writeImage(join(folder, `${String(count++).padStart(5, '0')}.png`), image);
			}
			for (const place of values.at.split(',')) {
				const at = place === 'middle' ? Math.floor(one.frames / 2) : Number(place);
				const truth = await one.paths(at);
				if (truth.length === 0 || size === undefined) {
					continue;
				}
				const points = truth.map((path) => [path[at]?.x ?? 0, path[at]?.y ?? 0] as const);
				const found: (readonly Found[])[] = [];
				const started = performance.now();
				for await (const { frame, points: places } of trackFrames(
					new RunFrames(await openClip(folder), {}, true),
					at,
					engine.extractor,
					(first, frame) => new PointTracker(points, frame, first),
				)) {
					found[frame] = places;
				}
				timings.ours += performance.now() - started;
				timings.frames += found.length;
				timings.points += points.length * found.length;
				const { seconds, frames: theirs } = await lucasKanade(folder, at, points);
				timings.theirs += 1000 * seconds;
				const name = `${one.name}, ${at} (${points.length} points)`;
				console.log(report(name, 'propagate', size, at, truth, found));
				console.log(
					report(
						name,
						'Lucas-Kanade (OpenCV)',
						size,
						at,
						truth,
						theirs.map((places) => places.map(([x, y, visible]) => ({ x, y, visible }))),
					),
				);
			}
		} finally {
			await rm(folder, { recursive: true });
		}
	}
} finally {
	await engine.close();
}
for (const [method, points] of compared) {
	console.log(scores('**all**', method, points, pixelErrors.get(method) ?? []));
}
console.log(
	`\n${(timings.ours / timings.frames).toFixed(0)} ms a frame (${(timings.points / timings.frames).toFixed(0)} points on average, descriptors included where they were not stored), Lucas-Kanade ${(timings.theirs / timings.frames).toFixed(1)} ms.`,
);
