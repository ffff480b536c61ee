/**
 * How well soft mattes are, as a table in Markdown: on composites that are drawn here and whose opacity is known at every pixel,
 * beside the mask itself, the mask blurred, and OpenCV's guided filter (left out where Python has no `cv2.ximgproc`).
 *
 *     npm run bench:mattes -- [--lines 480,1080] [--scenes <pattern>] [--masks true,tracked,wandering] [--sheets folder]
 *
 * Masks are, in the first table, the true ones (half covered or more), and in the second ones of a tracker's resolution: the
 * opacity's means on 224 x 128 cells, smoothed, interpolated and cut at a half; in the third, true ones whose borders are off by some
 * pixels, elsewhere in each frame. CPU time is of this process.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LabelMap, Raster } from '../src/core/frame.js';
import type { Size } from '../src/core/size.js';
import { type MatteOptions, MattesBefore, matteSettingsSchema, mattesOf } from '../src/mattes/mattes.js';
import { davisPalette } from '../src/media/davis-palette.js';
import { writeImage } from '../src/media/image.js';
import { GuidedFilter } from './mattes/guided-filter.js';
import { blurredMask, trackedMask, wanderingMask } from './mattes/masks.js';
import { chatter, type MatteErrors, matteErrors } from './mattes/measures.js';
import { type Composite, openScenes } from './mattes/scenes.js';
import { head, row } from './table.js';

const { values } = parseArgs({
	options: {
		lines: { type: 'string', default: '480,1080' },
		scenes: { type: 'string', default: '.' },
		masks: { type: 'string', default: 'true,tracked,wandering' },
		sheets: { type: 'string' },
	},
});

const sizes: readonly Size[] = [
	{ width: 854, height: 480 },
	{ width: 1920, height: 1080 },
].filter(({ height }) => values.lines.split(',').includes(String(height)));

const guidedFilter = await GuidedFilter.open();

type Method = {
	readonly name: string;
	/** @param before the same for all frames of a scene */
	readonly matte: (
		frame: Composite,
		mask: Uint8Array,
		before: MattesBefore,
	) => Float32Array | Promise<Float32Array>;
};

const ours =
	(options: MatteOptions): Method['matte'] =>
	({ image }, ids, before) => {
		const { width, height } = image;
		const labels: LabelMap = { width, height, ids, palette: davisPalette };
		const { data } = mattesOf(image, labels, matteSettingsSchema.parse(options), before).all;
		return Float32Array.from(data, (value) => value / 255);
	};

/** Lengths are for 480 lines; those that did best of several are compared with. */
const methods: readonly Method[] = [
	{ name: 'the mask', matte: (_, mask) => Float32Array.from(mask) },
	{
		name: 'the mask, blurred',
		matte: ({ image }, mask) => blurredMask(mask, image, image.height / 480),
	},
	...(guidedFilter === undefined
		? []
		: [
				{ radius: 2, epsilon: 0.01 },
				{ radius: 4, epsilon: 0.01 },
				{ radius: 4, epsilon: 0.001 },
			].map(({ radius, epsilon }) => ({
				name: `OpenCV's guided filter, r = ${radius}, ε = ${epsilon}`,
				matte: ({ image }: Composite, mask: Uint8Array) =>
					guidedFilter.matte(image, mask, Math.round((radius * image.height) / 480), epsilon),
			}))),
	{ name: 'soft alpha', matte: ours({}) },
	{ name: 'soft alpha, --steady', matte: ours({ steady: true }) },
];

type Sums = { errors: MatteErrors; chatter: number; milliseconds: number };

const mean = (numbers: readonly number[]): number =>
	numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Frames that are measured of each scene; they follow each other. */
const FRAMES = [2, 3] as const;

const results = new Map<string, Sums[]>();
const note = (key: string, sums: Sums): void => {
	results.set(key, [...(results.get(key) ?? []), sums]);
};

const masksOf = {
	true: (alpha: Float32Array) => Uint8Array.from(alpha, (value) => (value >= 0.5 ? 1 : 0)),
	tracked: trackedMask,
	wandering: wanderingMask,
} as const;
const titles = {
	true: 'true masks',
	tracked: "masks of a tracker's resolution",
	wandering: 'masks whose borders wander',
} as const;
type Kind = keyof typeof titles;
const kinds = (Object.keys(titles) as Kind[]).filter((kind) => values.masks.split(',').includes(kind));
const families = new Set<string>();

for (const size of sizes) {
	for (const scene of (await openScenes(size)).filter(({ name }) => new RegExp(values.scenes).test(name))) {
		const frames = FRAMES.map((time) => scene.frame(time));
		const family = scene.name.replace(/( on |:).*/, '');
		families.add(family);
		for (const kind of kinds) {
			const masks = frames.map(({ alpha }, n) => masksOf[kind](alpha, size, FRAMES[n]!));
			for (const { name, matte } of methods) {
				const mattes: Float32Array[] = [];
				const before = new MattesBefore();
				const started = process.cpuUsage();
				for (const [n, frame] of frames.entries()) {
					mattes.push(await matte(frame, masks[n]!, before));
				}
				const used = process.cpuUsage(started);
				const milliseconds = (used.user + used.system) / 1000 / frames.length;
				const truths = frames.map(({ alpha }) => alpha);
				const each = mattes.map((found, n) => matteErrors(found, truths[n]!, size));
				const errors = {
					sad: mean(each.map(({ sad }) => sad)),
					mse: mean(each.map(({ mse }) => mse)),
					grad: mean(each.map(({ grad }) => grad)),
					conn: mean(each.map(({ conn }) => conn)),
				};
				const sums = { errors, chatter: chatter(mattes, truths), milliseconds };
				note([kind, size.height, name].join(), sums);
				note([kind, size.height, name, family].join(), sums);
				if (values.sheets !== undefined) {
					await saved(values.sheets, `${size.height}-${kind}-${scene.name}-${name}`, mattes[0], size);
				}
			}
			console.error(`${size.height} lines, ${titles[kind]}: ${scene.name}`);
		}
		if (values.sheets !== undefined) {
			await saved(values.sheets, `${size.height}-truth-${scene.name}`, frames[0]?.alpha, size);
			const picture = frames[0]?.image as Raster;
			await writeImage(join(values.sheets, fileName(`${size.height}-image-${scene.name}`)), picture);
		}
	}
}

for (const kind of kinds) {
	for (const { height } of sizes) {
		console.log(`\n${height} lines, ${titles[kind]}\n`);
		console.log(head('method', 'SAD', 'MSE', 'Grad', 'Conn', 'dtSSD', 'CPU ms'));
		for (const { name } of methods) {
			const all = results.get([kind, height, name].join()) ?? [];
			const of = (pick: (sums: Sums) => number): string => mean(all.map(pick)).toFixed(2);
			console.log(
				row(
					...[name, of(({ errors }) => errors.sad), of(({ errors }) => errors.mse)],
					...[of(({ errors }) => errors.grad), of(({ errors }) => errors.conn), of((sums) => sums.chatter)],
					// OpenCV is at work in a process of its own.
					name.startsWith('OpenCV') ? '–' : of(({ milliseconds }) => milliseconds).replace(/\..*/, ''),
				),
			);
		}
		console.log(`\nMSE by kind of scene\n`);
		console.log(head('method', ...families));
		for (const { name } of methods) {
			const cells = [...families].map((family) =>
				mean(
					(results.get([kind, height, name, family].join()) ?? []).map(({ errors }) => errors.mse),
				).toFixed(2),
			);
			console.log(row(name, ...cells));
		}
	}
}
guidedFilter?.close();

function fileName(name: string): string {
	return `${name.replaceAll(/[^\w.]+/g, '-')}.png`;
}

async function saved(
	folder: string,
	name: string,
	matte: Float32Array | undefined,
	size: Size,
): Promise<void> {
	await mkdir(folder, { recursive: true });
	const data = Uint8Array.from(matte ?? [], (value) => Math.round(value * 255));
	await writeImage(join(folder, fileName(name)), { ...size, channels: 1, data });
}
