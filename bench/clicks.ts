// How good a mask is after 1, 3 and 5 clicks: npx tsx bench/clicks.ts <davis folder>, after npm run build. The first click is in the middle
// of the object, each of the next in the middle of what is most wrong, as in the literature of interactive segmentation.
import { listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { openMarker, type Stroke } from '../src/index.js';
import { openClip } from '../src/media/clip.js';
import { readLabelMap } from '../src/media/label-map.js';
import { head, row } from './table.js';

const [root = '../shared/data/davis-train'] = process.argv.slice(2);
const CLICKS = 5;

/** [height * width] about how far each marked pixel is from the nearest that is not; beyond the picture nothing is marked. */
const depths = (marked: Uint8Array, width: number, height: number): Float32Array => {
	const depth = new Float32Array(marked.length);
	const at = (x: number, y: number): number =>
		x < 0 || y < 0 || x >= width || y >= height ? 0 : depth[y * width + x]!;
	for (const side of [-1, 1]) {
		for (let n = 0; n < depth.length; n++) {
			const pixel = side < 0 ? n : depth.length - 1 - n;
			const [x, y] = [pixel % width, Math.floor(pixel / width)];
			if (marked[pixel] === 1) {
				const near = Math.min(
					...[at(x, y + side) + 1, at(x + side, y) + 1],
					...[at(x + side, y + side) + Math.SQRT2, at(x - side, y + side) + Math.SQRT2],
				);
				depth[pixel] = side < 0 ? near : Math.min(depth[pixel]!, near);
			}
		}
	}
	return depth;
};

const deepest = (depth: Float32Array): number =>
	depth.reduce((best, value, at) => (value > depth[best]! ? at : best), 0);

const marker = await openMarker();
const scores: number[][] = [];
const milliseconds: number[] = [];
const rows: string[][] = [];
for (const { name, framesFolder, annotations } of await listDavisSequences(root)) {
	const clip = await openClip(framesFolder);
	for await (const { image } of clip.frames({ end: { frame: 1 } })) {
		const truth = (await readLabelMap(annotations[0]?.path ?? '')).ids.map((id) => (id > 0 ? 1 : 0));
		const hinted = await marker.open(image);
		const object: Stroke[] = [];
		const background: Stroke[] = [];
		let mask: Uint8Array = new Uint8Array(truth.length);
		const own: number[] = [];
		for (let click = 0; click < CLICKS; click++) {
			const missing = depths(
				truth.map((value, at) => (value === 1 && mask[at] === 0 ? 1 : 0)),
				image.width,
				image.height,
			);
			const excess = depths(
				truth.map((value, at) => (value === 0 && mask[at] === 1 ? 1 : 0)),
				image.width,
				image.height,
			);
			const [lost, spilt] = [deepest(missing), deepest(excess)];
			const isLost = missing[lost]! >= excess[spilt]!;
			const pixel = isLost ? lost : spilt;
			(isLost ? object : background).push([[pixel % image.width, Math.floor(pixel / image.width)]]);
			const began = performance.now();
			mask = await hinted.mask({ object, background, mask: click === 0 ? undefined : mask });
			milliseconds.push(performance.now() - began);
			let [both, either] = [0, 0];
			for (let at = 0; at < truth.length; at++) {
				both += truth[at]! & mask[at]!;
				either += truth[at]! | mask[at]!;
			}
			own.push((100 * both) / either);
		}
		hinted.close();
		scores.push(own);
		rows.push([name, ...[0, 2, 4].map((at) => (own[at] ?? 0).toFixed(1))]);
	}
}
await marker.close();
const mean = (values: readonly number[]): number =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
rows.push(['mean', ...[0, 2, 4].map((at) => mean(scores.map((own) => own[at] ?? 0)).toFixed(1))]);
console.log(head('IoU after', '1 click', '3 clicks', '5 clicks'));
for (const cells of rows) {
	console.log(row(...cells));
}
milliseconds.sort((a, b) => a - b);
console.log(`\n${(milliseconds[milliseconds.length >> 1] ?? 0).toFixed(0)} ms from click to mask (median)`);
