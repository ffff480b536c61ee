/**
 * How exactly and how steadily an edit is carried, on clips whose motion is known exactly.
 *
 *     npm run build && tsx bench/edits.ts [--clips bear,birds] [--modes dense,affine,planar] [--frames 40] [--sheet out.png]
 *
 * The edit covers the whole object (dense) or a patch on its body (all modes). For points of the object on a grid of 4
 * pixels, visible in the frame according to the true mask: *error* is the distance, in pixels of the first frame, between
 * the point and what the carried edit puts at its true place; *swim* is how far that error moves from one frame to the
 * next, what the eye sees as an edit that slides over its object; *missing* is the share of points without edit. The
 * masks given are the true ones: how well masks are carried is measured by `bench/quality.ts`. The baseline is the
 * paper's way: each cell's nearest neighbour in the first frame, interpolated.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import type { DescriptorExtractor } from '../src/core/descriptor-map.js';
import type { Frame, LabelMap } from '../src/core/frame.js';
import type { CarriedField } from '../src/edits/carried-field.js';
import { carryEdit } from '../src/edits/carry-edit.js';
import type { EditLayer } from '../src/edits/difference-matte.js';
import { openEngine } from '../src/jobs/open-engine.js';
import { DescriptorBank } from '../src/matching/descriptor-bank.js';
import { NearestMatcher } from '../src/matching/nearest-matcher.js';
import { openClip } from '../src/media/clip.js';
import { writeImage } from '../src/media/image.js';
import { readLabelMap } from '../src/media/label-map.js';
import type { MeshMotion } from '../src/motion/mesh-tracker.js';
import type { Runtime } from '../src/runtime/session.js';
import { storedExtractor } from '../src/store/descriptor-store.js';
import { followPoint, type KnownObject, knownObjects } from './tracks/known-motion.js';

const { values } = parseArgs({
	options: {
		clips: { type: 'string', default: 'bear,birds' },
		modes: { type: 'string', default: 'whole,dense,affine,planar,baseline' },
		frames: { type: 'string', default: '1000' },
		sheet: { type: 'string' },
		relight: { type: 'boolean', default: false },
		maskless: { type: 'boolean', default: false },
	},
});
const modes = values.modes.split(',') as ('whole' | 'baseline' | MeshMotion)[];

/** Where the edit puts at a pixel of the frame something of the first frame, NaN if nothing. */
type Lookup = (x: number, y: number) => readonly [number, number];

const lookupIn = (fields: readonly CarriedField[]): Lookup => {
	return (x, y) => {
		for (const field of [...fields].reverse()) {
			const [left, top] = [Math.floor(x) - field.left, Math.floor(y) - field.top];
			if (left < 0 || top < 0 || left + 1 >= field.width || top + 1 >= field.height) {
				continue;
			}
			const [fx, fy] = [x - Math.floor(x), y - Math.floor(y)];
			const at = (plane: Float32Array): number => {
				const i = top * field.width + left;
				return (
					(1 - fy) * ((1 - fx) * plane[i]! + fx * plane[i + 1]!) +
					fy * ((1 - fx) * plane[i + field.width]! + fx * plane[i + field.width + 1]!)
				);
			};
			const found = [at(field.x), at(field.y)] as const;
			if (!Number.isNaN(found[0])) {
				return found;
			}
		}
		return [Number.NaN, Number.NaN];
	};
};

class Measure {
	readonly #errors: number[] = [];
	readonly #swims: number[] = [];
	#missing = 0;
	#points = 0;
	#last = new Map<number, readonly [number, number]>();

	add(
		object: KnownObject,
		points: readonly (readonly [number, number])[],
		frame: number,
		truth: LabelMap,
		at: Lookup,
	): void {
		const now = new Map<number, readonly [number, number]>();
		for (const [index, [x, y]] of points.entries()) {
			const [toX, toY] = followPoint(object, x, y, frame);
			const [px, py] = [Math.round(toX), Math.round(toY)];
			const inside = [-2, 0, 2].every(
				(d) =>
					truth.ids[py * truth.width + px + d] === object.id &&
					truth.ids[(py + d) * truth.width + px] === object.id,
			);
			if (px < 3 || py < 3 || px >= truth.width - 3 || py >= truth.height - 3 || !inside) {
				continue;
			}
			this.#points++;
			const [fromX, fromY] = at(toX, toY);
			if (Number.isNaN(fromX)) {
				this.#missing++;
				continue;
			}
			const error = [fromX - x, fromY - y] as const;
			this.#errors.push(Math.hypot(...error));
			const before = this.#last.get(index);
			if (before !== undefined) {
				this.#swims.push(Math.hypot(error[0] - before[0], error[1] - before[1]));
			}
			now.set(index, error);
		}
		this.#last = now;
	}

	row(name: string): string {
		const mean = (list: readonly number[]): number =>
			list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);
		const quantile = (list: number[], share: number): number =>
			list.sort((a, b) => a - b)[Math.floor(share * (list.length - 1))] ?? 0;
		const cells = [
			name,
			mean(this.#errors).toFixed(2),
			quantile(this.#errors, 0.95).toFixed(2),
			mean(this.#swims).toFixed(3),
			quantile(this.#swims, 0.95).toFixed(2),
			(100 * (this.#missing / Math.max(1, this.#points))).toFixed(1),
		];
		return `| ${cells.join(' | ')} |`;
	}
}

/** A chequered layer, so that a picture of it shows bending, blur and swimming. */
const chequered = (mask: LabelMap, id: number, patch: boolean): EditLayer => {
	const { width, height } = mask;
	const data = new Uint8Array(width * height * 4);
	let [left, top, right, bottom] = [width, height, 0, 0];
	mask.ids.forEach((own, pixel) => {
		if (own === id) {
			[left, right] = [Math.min(left, pixel % width), Math.max(right, pixel % width)];
			[top, bottom] = [Math.min(top, Math.floor(pixel / width)), Math.max(bottom, Math.floor(pixel / width))];
		}
	});
	const inPatch = (x: number, y: number): boolean => {
		const [u, v] = [(x - left) / (right - left), (y - top) / (bottom - top)];
		return u > 0.3 && u < 0.62 && v > 0.18 && v < 0.5;
	};
	for (let pixel = 0; pixel < width * height; pixel++) {
		const [x, y] = [pixel % width, Math.floor(pixel / width)];
		if (mask.ids[pixel] === id && (!patch || inPatch(x, y))) {
			const dark = ((x >> 3) + (y >> 3)) % 2 === 0;
			data.set(dark ? [200, 30, 60, 255] : [250, 235, 120, 255], pixel * 4);
		}
	}
	return { width, height, channels: 4, data };
};

const sample = (path: string): string => fileURLToPath(new URL(`../samples/${path}`, import.meta.url));

async function* framesWithTruth(name: string): AsyncGenerator<{ frame: Frame; mask: LabelMap }> {
	const clip = await openClip(sample(`${name}/clip.mp4`));
	for await (const frame of clip.frames()) {
		if (frame.index >= Number(values.frames)) {
			return;
		}
		yield {
			frame,
			mask: await readLabelMap(sample(`${name}/truth/${String(frame.index).padStart(5, '0')}.png`)),
		};
	}
}

async function* nearestNeighbours(name: string, extractor: DescriptorExtractor, runtime: Runtime) {
	const bank = new DescriptorBank(runtime);
	const matcher = await NearestMatcher.open(runtime);
	let first: Awaited<ReturnType<DescriptorBank['add']>> | undefined;
	for await (const { frame, mask } of framesWithTruth(name)) {
		const rows = await bank.add(await extractor.extract(frame.image));
		first ??= rows;
		const { indices } = await matcher.match(rows, first);
		const { width, height } = rows.grid;
		const scaleX = frame.image.width / width;
		const scaleY = frame.image.height / height;
		const at: Lookup = (x, y) => {
			const [cx, cy] = [(x + 0.5) / scaleX - 0.5, (y + 0.5) / scaleY - 0.5];
			const [left, top] = [
				Math.max(0, Math.min(width - 2, Math.floor(cx))),
				Math.max(0, Math.min(height - 2, Math.floor(cy))),
			];
			const [fx, fy] = [cx - left, cy - top];
			let [sumX, sumY] = [0, 0];
			for (const [dx, dy] of [
				[0, 0],
				[1, 0],
				[0, 1],
				[1, 1],
			] as const) {
				const cell = indices[(top + dy) * width + left + dx]!;
				const weight = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy);
				sumX += weight * (((cell % width) - dx + fx + 0.5) * scaleX - 0.5);
				sumY += weight * ((Math.floor(cell / width) - dy + fy + 0.5) * scaleY - 0.5);
			}
			return [sumX, sumY];
		};
		yield { frame, mask, at };
	}
	await matcher.close();
	await bank.close();
}

const motions = await knownObjects();
const engine = await openEngine(undefined, { device: 'cpu' });
const extractor = await storedExtractor(engine.extractor, engine.identity);
const sheet: Buffer[] = [];
console.log('| edit | error, mean px | 95 % | swim, mean px | 95 % | missing % |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
for (const name of values.clips.split(',') as ('bear' | 'birds')[]) {
	const firstMask = await readLabelMap(sample(`${name}/first.png`));
	for (const object of motions[name]) {
		for (const mode of modes) {
			const layer = chequered(firstMask, object.id, mode !== 'whole');
			const points: (readonly [number, number])[] = [];
			for (let y = 0; y < layer.height; y += 4) {
				for (let x = 0; x < layer.width; x += 4) {
					if (layer.data[(y * layer.width + x) * 4 + 3] === 255) {
						points.push([x, y]);
					}
				}
			}
			const measure = new Measure();
			if (mode === 'baseline') {
				for await (const { frame, mask, at } of nearestNeighbours(name, extractor, engine.runtime)) {
					measure.add(object, points, frame.index, mask, at);
				}
			} else {
				const items = (async function* () {
					for await (const { frame, mask } of framesWithTruth(name)) {
						yield { frame, mask: values.maskless ? undefined : mask, truth: mask };
					}
				})();
				const edits = carryEdit(items, {
					...{ layer, extractor, linearLight: false, relight: values.relight },
					mode: mode === 'whole' ? 'dense' : mode,
				});
				for await (const { item, edited, fields } of edits) {
					measure.add(object, points, item.frame.index, item.truth, lookupIn(fields));
					if (values.sheet !== undefined && item.frame.index % 8 === 0) {
						const { width, height } = edited;
						sheet.push(
							await sharp(edited.data, { raw: { width, height, channels: 3 } })
								.resize(640)
								.png()
								.toBuffer(),
						);
					}
				}
			}
			console.log(measure.row(`${name} ${object.id}, ${mode === 'whole' ? 'whole object, dense' : mode}`));
		}
	}
}
await engine.close();
if (values.sheet !== undefined) {
	const tiles = await Promise.all(sheet.map(async (png) => ({ png, meta: await sharp(png).metadata() })));
	const height = Math.max(...tiles.map(({ meta }) => meta.height));
	const rows = Math.ceil(tiles.length / 3);
	const { data, info } = await sharp({
		create: { width: 3 * 640, height: rows * height, channels: 3, background: 'black' },
	})
		.composite(
			tiles.map(({ png }, at) => ({ input: png, left: (at % 3) * 640, top: Math.floor(at / 3) * height })),
		)
		.removeAlpha()
		.raw()
		.toBuffer({ resolveWithObject: true });
	await writeImage(values.sheet, { width: info.width, height: info.height, channels: 3, data });
}
