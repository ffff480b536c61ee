/**
 * The opacity of an object that covers pixels partly, from its mask and the colours around the mask's border.
 *
 * Opacity is taken to be linear in colour in windows of three sizes. Where the object and its surroundings are both thick, windows
 * are some pixels large and the mask close to the border is not believed, so that the band reaches over motion blur and over a border that is
 * some pixels off; where they are thin (legs, strands), windows are small and the mask is. Large windows see fur and hair that
 * the mask has cut off; they are believed where their colours explain the mask on both sides of the border, and not much worse than
 * the others do.
 */
import { allocate, free } from '../memory';
import { applyLines, fitColourLines, IMAGE_PLANES, LINE_PLANES } from './colour-lines';
import { boxMaximum, boxMean, distanceToBorder, halve, rowBytes } from './planes';

/** All lengths are in pixels of 480 lines. */
const THIN_RADIUS: f32 = 4;
const THIN_REACH: f32 = 2;
const THIN_DOUBT: f32 = 0.1;
const THICK_RADIUS: f32 = 8;
const THICK_REACH: f32 = 4;
const THICK_DOUBT: f32 = 4;
const WIDE_RADIUS: f32 = 24;
const WIDE_REACH: f32 = 12;
const WIDE_DOUBT: f32 = 12;
/** Half the width of what is neither thin nor thick, on both sides of the border. */
const THIN_BELOW: f32 = 4;
const THICK_ABOVE: f32 = 7;
/** From so far inside, what large windows do not find opaque speaks against them; outside, what they find so, from `WIDE_DOUBT` on. */
const SURELY_INSIDE: f32 = 5;
/** Mean square of errors, by their own mask, at which large windows are believed by half. */
const WIDE_ERROR: f32 = 0.03;
/** Large windows count half where they explain that much worse than others, in residues over windows around a pixel. */
const WIDE_MERIT: f32 = 0.85;
const MERIT_REACH: f32 = 8;
const LEAST_RESIDUE: f32 = 0.001;
/** What is outside by the mask and more opaque than this by its colour counts less in a second look at large windows. */
const FOUND_OUTSIDE: f32 = 0.3;
const LEAST_TRUST: f32 = 0.02;
/** Farther from the border than this, the mask is right. */
const FARTHEST: f32 = 2 * (WIDE_RADIUS + WIDE_REACH);
const OPAQUE: f32 = 65535;

const VECTOR: usize = 16;

const base = allocate(0);
let boxWidth: i32 = 0;
let boxHeight: i32 = 0;
/** Lines are found for blocks of so many pixels squared. */
export let block: i32 = 1;
/** uint8 [height, width, 3] */
let pixels: usize = 0;
/** uint8 [height, width]: 1 in the object, 0 outside */
let mask: usize = 0;
/** uint16 [height, width] */
let alpha: usize = 0;

/** Of the blocks, from here on: their number in a row and in a column. */
export let width: i32 = 0;
export let height: i32 = 0;
/** Pixels of the image for one of 480 lines. */
export let scale: f32 = 1;
/** Planes: means of the pixels, distances from the border, what is found. */
export let image: usize = 0;
export let distance: usize = 0;
export let lines: usize = 0;

/** Room for another image, whose pixels and mask are to be written next. */
export function openMatte(imageWidth: i32, imageHeight: i32, blockPixels: i32): void {
	free(base);
	boxWidth = imageWidth;
	boxHeight = imageHeight;
	block = blockPixels;
	pixels = allocate(3 * boxWidth * boxHeight);
	mask = allocate(boxWidth * boxHeight);
	alpha = allocate(2 * boxWidth * boxHeight);
}

export function mattePixels(): usize {
	return pixels;
}

export function matteMask(): usize {
	return mask;
}

/**
 * Finds lines for each block of pixels.
 *
 * @param imageScale pixels of the image for one of 480 lines
 */
export function findLines(imageScale: f32): void {
	scale = imageScale;
	width = (boxWidth + block - 1) / block;
	height = (boxHeight + block - 1) / block;
	const plane = rowBytes(width) * height;
	const unit = scale / (block as f32);
	image = allocate(plane * IMAGE_PLANES);
	shrink(image, width, height, plane);
	distance = allocate(plane);
	distanceToBorder(image + 3 * plane, distance, width, height);
	lines = allocate(plane * LINE_PLANES);
	const thick = allocate(plane * LINE_PLANES);
	const trust = allocate(plane);
	trustFar(distance, trust, plane, THIN_DOUBT * unit);
	fitColourLines(
		image,
		trust,
		width,
		height,
		whole(THIN_RADIUS * unit),
		whole(THIN_REACH * unit),
		false,
		lines,
	);
	trustFar(distance, trust, plane, THICK_DOUBT * unit);
	fitColourLines(
		image,
		trust,
		width,
		height,
		whole(THICK_RADIUS * unit),
		whole(THICK_REACH * unit),
		true,
		thick,
	);
	findThickness(distance, trust, width, height, unit);
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const share = v128.load(trust + at);
		for (let n = 0; n < LINE_PLANES - 1; n++) {
			const line = lines + plane * n + at;
			v128.store(line, mixed(v128.load(line), v128.load(thick + plane * n + at), share));
		}
	}
	addWide(image, thick + 4 * plane, lines, width, height, unit);
	free(thick);
}

/** How opaque each pixel is, of 65535: uint16 [height, width]. */
export function writeAlpha(): usize {
	writeOpacities((FARTHEST * scale) / (block as f32));
	return alpha;
}

function whole(length: f32): i32 {
	return max(1, nearest(length) as i32);
}

function mixed(a: v128, b: v128, share: v128): v128 {
	return f32x4.add(a, f32x4.mul(share, f32x4.sub(b, a)));
}

/** Means over blocks: colours 0..1, and how much of each the mask covers. */
function shrink(image: usize, width: i32, height: i32, plane: usize): void {
	for (let y = 0; y < height; y++) {
		const bottom = min(boxHeight, (y + 1) * block);
		for (let x = 0; x < width; x++) {
			const right = min(boxWidth, (x + 1) * block);
			let r: u32 = 0;
			let g: u32 = 0;
			let b: u32 = 0;
			let covered: u32 = 0;
			for (let py = y * block; py < bottom; py++) {
				for (let px = x * block; px < right; px++) {
					const at = py * boxWidth + px;
					const pixel = pixels + 3 * at;
					r += load<u8>(pixel);
					g += load<u8>(pixel, 1);
					b += load<u8>(pixel, 2);
					covered += load<u8>(mask + at);
				}
			}
			const count = ((bottom - y * block) * (right - x * block)) as f32;
			const to = image + rowBytes(width) * y + 4 * x;
			store<f32>(to, (r as f32) / (255 * count));
			store<f32>(to + plane, (g as f32) / (255 * count));
			store<f32>(to + 2 * plane, (b as f32) / (255 * count));
			store<f32>(to + 3 * plane, (covered as f32) / count);
		}
	}
}

/** The farther from the border, the more the mask is trusted, up to a distance. */
function trustFar(distance: usize, to: usize, plane: usize, doubt: f32): void {
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const far = f32x4.min(
			f32x4.splat(1),
			f32x4.mul(f32x4.abs(v128.load(distance + at)), f32x4.splat(1 / doubt)),
		);
		v128.store(to + at, f32x4.add(f32x4.splat(LEAST_TRUST), f32x4.mul(far, far)));
	}
}

/** 0 where the object or its surroundings are thin, 1 where both are thick. */
function findThickness(distance: usize, to: usize, width: i32, height: i32, unit: f32): void {
	const plane = rowBytes(width) * height;
	const outside = allocate(plane);
	const around = whole(THICK_RADIUS * unit);
	for (let at: usize = 0; at < plane; at += VECTOR) {
		v128.store(outside + at, f32x4.neg(v128.load(distance + at)));
	}
	boxMaximum(outside, outside, width, height, around);
	boxMaximum(distance, to, width, height, around);
	const scale = f32x4.splat(1 / unit / (THICK_ABOVE - THIN_BELOW));
	const least = f32x4.splat(THIN_BELOW / (THICK_ABOVE - THIN_BELOW));
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const half = f32x4.min(v128.load(to + at), v128.load(outside + at));
		const share = f32x4.sub(f32x4.mul(half, scale), least);
		v128.store(to + at, f32x4.max(f32x4.splat(0), f32x4.min(f32x4.splat(1), share)));
	}
	free(outside);
}

/** Mixes into lines those of large windows, as far as they are believed. They are found for blocks of twice the size. @param residue of the others */
function addWide(image: usize, residue: usize, lines: usize, width: i32, height: i32, unit: f32): void {
	const plane = rowBytes(width) * height;
	const halfWidth = (width + 1) >> 1;
	const halfHeight = (height + 1) >> 1;
	const half = rowBytes(halfWidth) * halfHeight;
	const first = allocate(half * IMAGE_PLANES);
	for (let n = 0; n < IMAGE_PLANES; n++) {
		halve(image + plane * n, first + half * n, width, height);
	}
	const others = allocate(half);
	halve(residue, others, width, height);
	const wide = allocate(half * LINE_PLANES);
	const share = allocate(half);
	findWide(first, others, halfWidth, halfHeight, unit / 2, wide, share);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			place(x, y, 2, halfWidth, halfHeight);
			const to = lines + rowBytes(width) * y + 4 * x;
			const belief = interpolated(share);
			for (let n = 0; n < LINE_PLANES - 1; n++) {
				const line = load<f32>(to + plane * n);
				store<f32>(to + plane * n, line + belief * (interpolated(wide + half * n) - line));
			}
		}
	}
	free(first);
}

function findWide(
	image: usize,
	others: usize,
	width: i32,
	height: i32,
	unit: f32,
	lines: usize,
	share: usize,
): void {
	const plane = rowBytes(width) * height;
	const distance = allocate(plane);
	const trust = allocate(plane);
	const found = allocate(plane);
	const radius = whole(WIDE_RADIUS * unit);
	const reach = whole(WIDE_REACH * unit);
	distanceToBorder(image + 3 * plane, distance, width, height);
	trustFar(distance, trust, plane, WIDE_DOUBT * unit);
	fitColourLines(image, trust, width, height, radius, reach, true, lines);
	applyLines(lines, image, plane, found);
	for (let at: usize = 0; at < plane; at += 4) {
		if (load<f32>(distance + at) < 0) {
			const rest: f32 = LEAST_TRUST + 1 / (1 + fourth(load<f32>(found + at) / FOUND_OUTSIDE));
			store<f32>(trust + at, load<f32>(trust + at) * rest);
		}
	}
	fitColourLines(image, trust, width, height, radius, reach, true, lines);
	applyLines(lines, image, plane, found);
	believe(distance, found, lines + 4 * plane, others, width, height, unit, share);
	free(distance);
}

/** How far large windows are believed. @param found what they find; the planes of distances and findings are used up */
function believe(
	distance: usize,
	found: usize,
	residue: usize,
	others: usize,
	width: i32,
	height: i32,
	unit: f32,
	share: usize,
): void {
	const plane = rowBytes(width) * height;
	const sums = allocate(plane * 7);
	for (let at: usize = 0; at < plane; at += 4) {
		const far = load<f32>(distance + at);
		const isIn = far > 0;
		const depth = min<f32>(1, abs(far) / ((isIn ? SURELY_INSIDE : WIDE_DOUBT) * unit));
		const weight: f32 = LEAST_TRUST + depth * depth;
		const error: f32 = (isIn ? 1.0 : 0.0) - load<f32>(found + at);
		const to = sums + at;
		store<f32>(to, isIn ? weight : 0);
		store<f32>(to + plane, isIn ? 0 : weight);
		store<f32>(to + 2 * plane, isIn ? weight * error * error : 0);
		store<f32>(to + 3 * plane, isIn ? 0 : weight * error * error);
		const near: f32 = abs(far) < WIDE_DOUBT * unit ? 1 : 1e-4;
		store<f32>(to + 4 * plane, near);
		store<f32>(to + 5 * plane, near * load<f32>(residue + at));
		store<f32>(to + 6 * plane, near * load<f32>(others + at));
	}
	const radius = whole(WIDE_RADIUS * unit);
	const around = whole(MERIT_REACH * unit);
	for (let n = 0; n < 7; n++) {
		boxMean(sums + plane * n, sums + plane * n, width, height, n < 4 ? radius : around);
	}
	for (let at: usize = 0; at < plane; at += 4) {
		const from = sums + at;
		const inside = load<f32>(from + 2 * plane) / (load<f32>(from) + 1e-6);
		const outside = load<f32>(from + 3 * plane) / (load<f32>(from + plane) + 1e-6);
		const near = load<f32>(from + 4 * plane);
		const error = (inside + outside) / WIDE_ERROR;
		const merit =
			(WIDE_MERIT * load<f32>(from + 5 * plane)) / (load<f32>(from + 6 * plane) + LEAST_RESIDUE * near);
		store<f32>(share + at, 1 / ((1 + fourth(error)) * (1 + fourth(merit))));
	}
	free(sums);
}

function fourth(x: f32): f32 {
	return x * x * (x * x);
}

/** Where `interpolated` looks: bytes from a plane's beginning, to the cells beside and below, and how much those count. */
let corner: usize = 0;
let beside: usize = 0;
let below: usize = 0;
let shareBeside: f32 = 0;
let shareBelow: f32 = 0;

/** A pixel's place among cells that are `blockPixels` large. */
function place(x: i32, y: i32, blockPixels: i32, width: i32, height: i32): void {
	const u = max(0, min((width - 1) as f32, ((x as f32) + 0.5) / (blockPixels as f32) - 0.5));
	const v = max(0, min((height - 1) as f32, ((y as f32) + 0.5) / (blockPixels as f32) - 0.5));
	const left = u as i32;
	const top = v as i32;
	corner = rowBytes(width) * top + 4 * left;
	beside = left + 1 < width ? 4 : 0;
	below = top + 1 < height ? rowBytes(width) : 0;
	shareBeside = u - (left as f32);
	shareBelow = v - (top as f32);
}

function interpolated(plane: usize): f32 {
	const at = plane + corner;
	const upper = load<f32>(at) + shareBeside * (load<f32>(at + beside) - load<f32>(at));
	const low = at + below;
	const lower = load<f32>(low) + shareBeside * (load<f32>(low + beside) - load<f32>(low));
	return upper + shareBelow * (lower - upper);
}

/** Each pixel's opacity by its own colour, near the border; what the mask says elsewhere. */
function writeOpacities(farthest: f32): void {
	const plane = rowBytes(width) * height;
	for (let y = 0; y < boxHeight; y++) {
		const row = rowBytes(width) * (y / block);
		for (let x = 0; x < boxWidth; x++) {
			const pixel = y * boxWidth + x;
			const far = load<f32>(distance + row + 4 * (x / block));
			if (abs(far) > farthest) {
				store<u16>(alpha + 2 * pixel, far > 0 ? (OPAQUE as u16) : 0);
				continue;
			}
			const colour = pixels + 3 * pixel;
			place(x, y, block, width, height);
			const sum =
				interpolated(lines) * (load<u8>(colour) as f32) +
				interpolated(lines + plane) * (load<u8>(colour, 1) as f32) +
				interpolated(lines + 2 * plane) * (load<u8>(colour, 2) as f32);
			const opacity = max(0, min(1, sum / 255 + interpolated(lines + 3 * plane)));
			store<u16>(alpha + 2 * pixel, nearest(OPAQUE * opacity) as u16);
		}
	}
}
