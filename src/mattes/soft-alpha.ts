import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { type ColourLines, fitColourLines, mixColourLines } from './colour-lines.js';
import { boxMaximum, distanceToBorder, type Plane } from './planes.js';

/** Part of an image: left, top, width and height in pixels. */
export type Box = Size & { readonly x: number; readonly y: number };

/** All lengths are in pixels of 480 lines. */
const LINES = 480;
/** For thin things, whose mask has to be believed as it is, and for others. */
const THIN = { radius: 4, reach: 2, doubt: 0.1, choosiness: 1 } as const;
const THICK = { radius: 8, reach: 4, doubt: 4, choosiness: 2 } as const;
/** As far as squares look from a pixel. */
const FARTHEST = 2 * (THICK.radius + THICK.reach);
/** Half the width of what is neither thin nor thick, on both sides of the border. */
const THIN_BELOW = 4;
const THICK_ABOVE = 7;
/** Variance of colours from the camera's noise. */
const NOISE = 3e-4;

/**
 * The opacity of an object that covers pixels partly: a band around the border of its mask, in which the image's colours decide
 * how much of each pixel is the object's. Far from the border it is what the mask says.
 *
 * In squares that the border goes through, opacity is taken to be linear in colour. Where the object and what is around it are
 * both thick, squares are large and the mask close to the border is not believed, so that the band reaches over motion blur and over
 * a border that is some pixels off; where they are thin (legs, strands), squares are small and the mask is.
 *
 * @param mask [height * width] 1 in the object
 * @returns where anything is opaque, and how much (0..255); undefined without an object
 */
export const softAlpha = (
	image: Raster<3>,
	mask: Uint8Array,
): { readonly box: Box; readonly alpha: Uint8Array } | undefined => {
	const scale = Math.min(image.width, image.height) / LINES;
	// Lines change slowly from pixel to pixel, so that large images need them for blocks of pixels only
	// (He & Sun, "Fast Guided Filter", 2015); they are applied to each pixel's own colour.
	const block = Math.max(1, Math.floor(scale));
	const box = boxOf(mask, image, Math.ceil(FARTHEST * scale), block);
	if (box === undefined) {
		return undefined;
	}
	const size = { width: Math.ceil(box.width / block), height: Math.ceil(box.height / block) };
	const { colours, cover } = shrunk(image, mask, box, block, size);
	const lines = linesOf(colours, cover, size, scale / block);
	return { box, alpha: applied(lines, size, image, box, block) };
};

const linesOf = (
	colours: readonly [Plane, Plane, Plane],
	cover: Plane,
	size: Size,
	scale: number,
): ColourLines => {
	const isIn = Uint8Array.from(cover, (value) => (value >= 0.5 ? 1 : 0));
	const distance = distanceToBorder(isIn, size);
	const pixels = (length: number): number => Math.max(1, Math.round(length * scale));
	const linesIn = ({ radius, reach, doubt, choosiness }: typeof THIN | typeof THICK): ColourLines =>
		fitColourLines(colours, cover, size, {
			...{ radius: pixels(radius), reach: pixels(reach), noise: NOISE, choosiness },
			trust: distance.map((far) => 0.02 + Math.min(1, Math.abs(far) / (doubt * scale)) ** 2),
		});
	const around = pixels(THICK.radius);
	const inside = boxMaximum(distance, size, around);
	const outside = boxMaximum(
		distance.map((far) => -far),
		size,
		around,
	);
	const thickness = inside.map((far, at) => {
		const half = Math.min(far, outside[at] as number) / scale;
		return Math.max(0, Math.min(1, (half - THIN_BELOW) / (THICK_ABOVE - THIN_BELOW)));
	});
	return mixColourLines(linesIn(THIN), linesIn(THICK), thickness);
};

/** What surrounds the object with a margin, in whole blocks as far as the image goes. */
const boxOf = (mask: Uint8Array, { width, height }: Size, margin: number, block: number): Box | undefined => {
	let [left, right, top, bottom] = [width, -1, height, -1];
	for (let y = 0; y < height; y++) {
		const first = mask.indexOf(1, y * width);
		if (first < 0) {
			break;
		}
		const row = Math.floor(first / width);
		if (row > y) {
			y = row;
		}
		top = Math.min(top, y);
		bottom = y;
		left = Math.min(left, first - y * width);
		right = Math.max(right, mask.lastIndexOf(1, (y + 1) * width - 1) - y * width);
	}
	if (right < 0) {
		return undefined;
	}
	const down = (at: number): number => Math.max(0, Math.floor((at - margin) / block) * block);
	const [x, y] = [down(left), down(top)];
	return {
		...{ x, y },
		width: Math.min(width, right + 1 + margin) - x,
		height: Math.min(height, bottom + 1 + margin) - y,
	};
};

/** Means over blocks: colours 0..1, and how much of each the mask covers. */
const shrunk = (
	image: Raster<3>,
	mask: Uint8Array,
	box: Box,
	block: number,
	{ width, height }: Size,
): { colours: [Plane, Plane, Plane]; cover: Plane } => {
	const plane = (): Plane => new Float32Array(width * height);
	const [r, g, b, cover] = [plane(), plane(), plane(), plane()];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const [right, bottom] = [Math.min(box.width, (x + 1) * block), Math.min(box.height, (y + 1) * block)];
			let [sumR, sumG, sumB, covered, count] = [0, 0, 0, 0, 0];
			for (let py = y * block; py < bottom; py++) {
				for (let px = x * block; px < right; px++) {
					const at = (box.y + py) * image.width + box.x + px;
					sumR += image.data[at * 3] as number;
					sumG += image.data[at * 3 + 1] as number;
					sumB += image.data[at * 3 + 2] as number;
					covered += mask[at] as number;
					count++;
				}
			}
			const at = y * width + x;
			r[at] = sumR / count / 255;
			g[at] = sumG / count / 255;
			b[at] = sumB / count / 255;
			cover[at] = covered / count;
		}
	}
	return { colours: [r, g, b], cover };
};

/** The opacity of each pixel in the box, 0..255. */
const applied = (
	{ r, g, b, one }: ColourLines,
	{ width, height }: Size,
	image: Raster<3>,
	box: Box,
	block: number,
): Uint8Array => {
	const alpha = new Uint8Array(box.width * box.height);
	for (let y = 0; y < box.height; y++) {
		const v = Math.max(0, Math.min(height - 1, (y + 0.5) / block - 0.5));
		const top = Math.min(height - 1, Math.floor(v));
		const below = Math.min(height - 1, top + 1) - top;
		for (let x = 0; x < box.width; x++) {
			const u = Math.max(0, Math.min(width - 1, (x + 0.5) / block - 0.5));
			const left = Math.min(width - 1, Math.floor(u));
			const [fx, fy] = [u - left, v - top];
			const at = top * width + left;
			const beside = Math.min(width - 1, left + 1) - left;
			const pixel = ((box.y + y) * image.width + box.x + x) * 3;
			const red = (image.data[pixel] as number) / 255;
			const green = (image.data[pixel + 1] as number) / 255;
			const blue = (image.data[pixel + 2] as number) / 255;
			const by = (cell: number): number =>
				(r[cell] as number) * red +
				(g[cell] as number) * green +
				(b[cell] as number) * blue +
				(one[cell] as number);
			const value =
				block === 1
					? by(at)
					: (by(at) * (1 - fx) + by(at + beside) * fx) * (1 - fy) +
						(by(at + below * width) * (1 - fx) + by(at + below * width + beside) * fx) * fy;
			alpha[y * box.width + x] = Math.max(0, Math.min(255, Math.round(value * 255)));
		}
	}
	return alpha;
};
