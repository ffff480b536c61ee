/**
 * A picture of what refinement does: crops of the samples with the truth, and with masks carried without and with it.
 *
 *     npm run build && tsx bench/refinement-sheet.ts docs/images/refinement.jpg
 */
import sharp from 'sharp';
import type { Frame, LabelMap, Raster } from '../src/core/frame.js';
import { openEngine } from '../src/jobs/open-engine.js';
import { propagateMasks } from '../src/masks/labels/propagate-masks.js';
import type { PropagationSettings } from '../src/masks/labels/settings.js';
import { openClip } from '../src/media/clip.js';
import { writeImage } from '../src/media/image.js';
import { readLabelMap } from '../src/media/label-map.js';
import { drawOverlay } from '../src/output/overlay.js';
import { loadPreset } from '../src/presets/preset.js';
import { storedExtractor } from '../src/store/descriptor-store.js';

type Crop = { readonly frame: number; readonly left: number; readonly top: number };

/** What is shown of each sample: places with fur, legs and a crest. */
const crops: Record<string, readonly Crop[]> = {
	bear: [
		{ frame: 18, left: 100, top: 305 },
		{ frame: 18, left: 240, top: 130 },
	],
	birds: [
		{ frame: 12, left: 160, top: 200 },
		{ frame: 12, left: 200, top: 70 },
	],
};
/** Size of a crop in pixels of the clip, and how much it is enlarged. */
const CROP = { width: 130, height: 100 };
const SCALE = 2;
const GAP = 6;
const HEAD = 26;
const columns = ['frame', 'truth', 'without refinement', 'with'];

const [output] = process.argv.slice(2);
if (output === undefined) {
	throw new Error('Give the picture to write.');
}
const { propagation, precision } = await loadPreset(undefined);
const plain: PropagationSettings = {
	...propagation,
	refinement: { ...propagation.refinement, iterations: 0 },
	feedBack: 'unrefined',
};
const engine = await openEngine(undefined, { device: 'cpu', threads: 1, precision });
const extractor = await storedExtractor(engine.extractor, engine.identity, { folder: null, isShared: true });

/** The masks of the frames up to the last that is shown. */
const carried = async (
	frames: readonly Frame[],
	mask: LabelMap,
	settings: PropagationSettings,
): Promise<LabelMap[]> => {
	const masks: LabelMap[] = [];
	const { runtime } = engine;
	const given = (async function* () {
		yield* frames;
	})();
	for await (const masked of propagateMasks({ frames: given, mask, extractor, runtime, settings })) {
		masks.push(masked.mask);
	}
	return masks;
};

const enlarged = (image: Raster<3>, { left, top }: Crop): Promise<Buffer> =>
	sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
		.extract({ left, top, ...CROP })
		.resize(CROP.width * SCALE, CROP.height * SCALE)
		.png()
		.toBuffer();

const cells: Buffer[] = [];
for (const [name, shown] of Object.entries(crops)) {
	const folder = new URL(`../samples/${name}/`, import.meta.url);
	const first = await readLabelMap(new URL('first.png', folder).pathname);
	const last = Math.max(...shown.map(({ frame }) => frame));
	const frames: Frame[] = [];
	for await (const frame of (await openClip(new URL('clip.mp4', folder).pathname)).frames()) {
		if (frames.push(frame) > last) {
			break;
		}
	}
	const without = await carried(frames, first, plain);
	const refined = await carried(frames, first, propagation);
	for (const crop of shown) {
		const { image } = frames[crop.frame]!;
		const file = `truth/${String(crop.frame).padStart(5, '0')}.png`;
		const truth = await readLabelMap(new URL(file, folder).pathname);
		const masks = [truth, without[crop.frame]!, refined[crop.frame]!];
		for (const picture of [image, ...masks.map((mask) => drawOverlay(image, mask))]) {
			cells.push(await enlarged(picture, crop));
		}
	}
}
await engine.close();

const [stepX, stepY] = [CROP.width * SCALE + GAP, CROP.height * SCALE + GAP];
const size = {
	width: columns.length * stepX - GAP,
	height: HEAD + (cells.length / columns.length) * stepY - GAP,
};
const titles = columns.map(
	(title, i) => `<text x="${i * stepX + 4}" y="18" font-family="sans-serif" font-size="15">${title}</text>`,
);
const { data, info } = await sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
	.composite([
		{
			input: Buffer.from(
				`<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${HEAD}">${titles.join('')}</svg>`,
			),
			left: 0,
			top: 0,
		},
		...cells.map((input, i) => ({
			input,
			left: (i % columns.length) * stepX,
			top: HEAD + Math.floor(i / columns.length) * stepY,
		})),
	])
	.removeAlpha()
	.raw()
	.toBuffer({ resolveWithObject: true });
await writeImage(output, { width: info.width, height: info.height, channels: 3, data });
