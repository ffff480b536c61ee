import type { Raster } from '../core/frame.js';
import { loadSharp } from '../media/sharp.js';
import type { PointMatch } from './match-points.js';

/** Longer side of each image in the picture, in pixels: larger ones are shrunk, small ones enlarged. */
const SIDE = 720;
const GAP = 16;

/** Colours that are told apart on photographs; more matches than colours go round again with another hue. */
const hue = (index: number): number => (index * 137.508 + 10) % 360;

/**
 * Both images side by side, every match as two numbered marks of one colour and a line between them.
 */
export const matchPicture = async (
	source: Raster<3>,
	target: Raster<3>,
	matches: readonly PointMatch[],
): Promise<Raster<3>> => {
	const left = placed(source, 0);
	const right = placed(target, left.width + GAP);
	const width = right.x + right.width;
	const height = Math.max(left.height, right.height);
	const marks = marksOf(matches, left, right);
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${marks}</svg>`;
	const { data, info } = await loadSharp()({ create: { width, height, channels: 3, background: '#ffffff' } })
		.composite([
			{ input: await scaled(source, left), left: left.x, top: 0 },
			{ input: await scaled(target, right), left: right.x, top: 0 },
			{ input: Buffer.from(svg), left: 0, top: 0 },
		])
		.removeAlpha()
		.raw()
		.toBuffer({ resolveWithObject: true });
	return { width: info.width, height: info.height, channels: 3, data };
};

type Placed = {
	readonly x: number;
	readonly width: number;
	readonly height: number;
	readonly scale: number;
};

const placed = (image: Raster<3>, x: number): Placed => {
	const scale = SIDE / Math.max(image.width, image.height);
	return {
		x,
		scale,
		width: Math.max(1, Math.round(image.width * scale)),
		height: Math.max(1, Math.round(image.height * scale)),
	};
};

const scaled = (image: Raster<3>, { width, height }: Placed): Promise<Buffer> =>
	loadSharp()(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
		.resize(width, height, { fit: 'fill' })
		.png({ compressionLevel: 1 })
		.toBuffer();

const marksOf = (matches: readonly PointMatch[], left: Placed, right: Placed): string => {
	const at = ([x, y]: PointMatch['source'], { x: offset, scale }: Placed): string[] =>
		[offset + (x + 0.5) * scale, (y + 0.5) * scale].map((value) => value.toFixed(1));
	const ends = matches.map(({ source, target }) => ({ from: at(source, left), to: at(target, right) }));
	const lines = ends.map(({ from, to }, index) => {
		const line = `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}"`;
		// A dark rim keeps light lines readable on a light ground.
		return `${line} stroke="#000" stroke-opacity="0.45" stroke-width="3"/>${line} stroke="hsl(${hue(index)},95%,60%)" stroke-width="1.6"/>`;
	});
	const dots = ends.flatMap(({ from, to }, index) =>
		[from, to].map(
			([x, y]) =>
				`<circle cx="${x}" cy="${y}" r="9" fill="hsl(${hue(index)},85%,38%)" stroke="#fff" stroke-width="1.5"/>` +
				`<text x="${x}" y="${y}" dy="3.6" font-family="sans-serif" font-size="10" font-weight="bold" fill="#fff" text-anchor="middle">${index + 1}</text>`,
		),
	);
	return [...lines, ...dots].join('');
};
