/**
 * Mean-field inference of a conditional random field, at the pixels of a band in an image.
 *
 * Four pixels side by side, a quad, go through together. The image's planes lie one behind the other, each with a margin all around,
 * so that every pixel has all neighbours: colours that resemble none, and probabilities of 0.
 */
import { allocate, free, get, set } from './memory';

const COLOURS: i32 = 3;
/** A colour that resembles none. */
const NO_COLOUR: f32 = 1000;
/** Neighbours are taken in 8 directions at distances of 1, 2, 4 and 8 pixels. */
const MAX_DISTANCE: usize = 8;
const NEIGHBOURS: usize = 4 * 8;
const PIXEL_BYTES: usize = 4;
const QUAD: i32 = 4;
const QUAD_BYTES: usize = 16;
const WEIGHTS_BYTES: usize = NEIGHBOURS * QUAD_BYTES;

/** exp(-x) as (1 - x / POWER)^POWER; for x beyond the end it counts as 0, and costs nothing in subnormal numbers. */
const SQUARINGS: i32 = 10;
const POWER: f64 = 1024;
const DECAY_END: f64 = 16;
/** Keeps the sum of a pixel that resembles none of its neighbours above 0. */
const LEAST_SUM: f32 = 1e-4;
/** A quad whose probabilities changed by less than this in an iteration has arrived, and is left alone. */
const ARRIVED: f32 = 0.0005;

const base = allocate(0);
let width: i32 = 0;
let objects: i32 = 0;
/** Bytes from a row of a plane to the next, and from a plane to the next. */
let rowBytes: usize = 0;
let planeBytes: usize = 0;
/** float32 planes, with their margins: three of colours, then the probabilities of each object. */
let planes: usize = 0;
/** int32, ascending: the numbers of the band's pixels. */
let band: usize = 0;
let bandPixels: i32 = 0;
/** float32 [objects, bandPixels]: logarithms of an object's odds against the background; in the end, its probabilities. */
let bandValues: usize = 0;

/** Quads that have a pixel in the band. */
let quads: i32 = 0;
/** int32 [quads, QUAD]: which of the band's pixels a quad has, negative for pixels outside the band. */
let pixels: usize = 0;
/** int32 [quads]: bytes from a plane's beginning to a quad's first pixel. */
let places: usize = 0;
/** float32 [quads, NEIGHBOURS, QUAD]: how much pixels resemble their neighbours, and [quads, QUAD] what that adds up to: just below 1. */
let weights: usize = 0;
let weightSums: usize = 0;
/** float32 [objects, quads, QUAD]: the logarithms of the odds. */
let unary: usize = 0;
/** float32 [objects, quads, QUAD], of quads that still move: an object's support by the neighbours, then its weight. */
let supports: usize = 0;
/** int32: the quads that still move. */
let moving: usize = 0;
let movingCount: i32 = 0;

/** Room for another image, whose band, colours, probabilities and logarithms of odds are to be written next. */
export function openField(imageWidth: i32, imageHeight: i32, objectCount: i32, bandLength: i32): void {
	free(base);
	width = imageWidth;
	objects = objectCount;
	rowBytes = PIXEL_BYTES * (((width + QUAD - 1) & -QUAD) + 2 * MAX_DISTANCE);
	planeBytes = rowBytes * (imageHeight + 2 * MAX_DISTANCE);
	planes = allocate((COLOURS + objects) * planeBytes);
	bandPixels = bandLength;
	band = allocate(4 * bandPixels);
	bandValues = allocate(4 * bandPixels * objects);
	const colours = planes + COLOURS * planeBytes;
	for (let at = planes; at < colours; at += QUAD_BYTES) {
		v128.store(at, f32x4.splat(NO_COLOUR));
	}
	memory.fill(colours, 0, objects * planeBytes);
}

export function fieldBand(): usize {
	return band;
}

/** Where a pixel of a plane is: first the three colours' planes, then the objects'. */
export function fieldPixel(plane: i32, pixel: i32): usize {
	return planes + plane * planeBytes + placeOf(pixel);
}

function placeOf(pixel: i32): usize {
	return (
		(((pixel / width) as usize) + MAX_DISTANCE) * rowBytes + PIXEL_BYTES * (MAX_DISTANCE + (pixel % width))
	);
}

/** Of an object: float32 [bandPixels]. */
export function fieldOdds(object: i32): usize {
	return bandValues + 4 * object * bandPixels;
}

/** Compares the band's pixels with their neighbours. @param colourSigma distance of colours that resemble each other somewhat */
export function compareNeighbours(colourSigma: f64): void {
	listQuads();
	weights = allocate(WEIGHTS_BYTES * quads);
	weightSums = allocate(QUAD_BYTES * quads);
	supports = allocate(QUAD_BYTES * quads * objects);
	const steepness = (1 / POWER / (2 * colourSigma * colourSigma)) as f32;
	for (let quad = 0; quad < quads; quad++) {
		weighNeighbours(quad, steepness);
	}
}

function listQuads(): void {
	// There are as many quads as pixels, at most.
	places = allocate(4 * bandPixels);
	moving = allocate(4 * bandPixels);
	pixels = allocate(QUAD_BYTES * bandPixels);
	memory.fill(pixels, 0xff, QUAD_BYTES * bandPixels);
	quads = 0;
	let last = -1;
	for (let at = 0; at < bandPixels; at++) {
		const pixel = get(band, at);
		const lane = (pixel % width) % QUAD;
		const first = pixel - lane;
		if (first !== last) {
			last = first;
			set(places, quads, placeOf(first));
			set(moving, quads, quads);
			quads++;
		}
		set(pixels, (quads - 1) * QUAD + lane, at);
	}
	movingCount = quads;
	unary = allocate(QUAD_BYTES * quads * objects);
	memory.fill(unary, 0, QUAD_BYTES * quads * objects);
	for (let slot = 0; slot < QUAD * quads; slot++) {
		const at = get(pixels, slot);
		for (let object = 0; at >= 0 && object < objects; object++) {
			set(unaryAt(object, 0), slot, get(fieldOdds(object), at));
		}
	}
}

function unaryAt(object: i32, quad: i32): usize {
	return unary + (object * quads + quad) * QUAD_BYTES;
}

/** exp(-|colour difference|² / 2σ²) for each neighbour, over the sum of all. */
function weighNeighbours(quad: i32, steepness: f32): void {
	const centre = planes + get(places, quad);
	const l = v128.load(centre);
	const a = v128.load(centre + planeBytes);
	const b = v128.load(centre + 2 * planeBytes);
	const first = weights + quad * WEIGHTS_BYTES;
	let weight = first;
	let total = f32x4.splat(LEAST_SUM);
	for (let across = PIXEL_BYTES; across <= MAX_DISTANCE * PIXEL_BYTES; across *= 2) {
		const down = (across / PIXEL_BYTES) * rowBytes;
		for (let row = centre - down; row <= centre + down; row += down) {
			for (let at = row - across; at <= row + across; at += across) {
				if (at === centre) {
					continue;
				}
				const dl = f32x4.sub(v128.load(at), l);
				const da = f32x4.sub(v128.load(at + planeBytes), a);
				const db = f32x4.sub(v128.load(at + 2 * planeBytes), b);
				const distance = f32x4.add(f32x4.add(f32x4.mul(dl, dl), f32x4.mul(da, da)), f32x4.mul(db, db));
				const resemblance = decay(f32x4.mul(distance, f32x4.splat(steepness)));
				v128.store(weight, resemblance);
				total = f32x4.add(total, resemblance);
				weight += QUAD_BYTES;
			}
		}
	}
	const scale = f32x4.div(f32x4.splat(1), total);
	for (let at = first; at < weight; at += QUAD_BYTES) {
		v128.store(at, f32x4.mul(v128.load(at), scale));
	}
	v128.store(weightSums + quad * QUAD_BYTES, f32x4.mul(f32x4.sub(total, f32x4.splat(LEAST_SUM)), scale));
}

/** exp(-x), of x / POWER. */
function decay(share: v128): v128 {
	let value = f32x4.sub(f32x4.splat(1), share);
	value = v128.and(value, f32x4.ge(value, f32x4.splat((1 - DECAY_END / POWER) as f32)));
	for (let squaring = 0; squaring < SQUARINGS; squaring++) {
		value = f32x4.mul(value, value);
	}
	return value;
}

/**
 * One iteration at the quads that still move.
 *
 * @param smoothness weight of the neighbours' support
 * @returns whether any still moves
 */
export function iterate(smoothness: f32): bool {
	for (let object = 0; object < objects; object++) {
		const plane = planes + (COLOURS + object) * planeBytes;
		for (let at = 0; at < movingCount; at++) {
			const quad = get(moving, at);
			v128.store(supportAt(object, at), supportOf(plane + get(places, quad), weights + quad * WEIGHTS_BYTES));
		}
	}
	let kept = 0;
	for (let at = 0; at < movingCount; at++) {
		const quad = get(moving, at);
		const total = weighObjects(at, quad, smoothness);
		if (writeProbabilities(at, quad, total)) {
			set(moving, kept++, quad);
		}
	}
	movingCount = kept;
	return kept > 0;
}

function supportAt(object: i32, at: i32): usize {
	return supports + (object * quads + at) * QUAD_BYTES;
}

/** The neighbours' support for what a plane has, weighted by resemblance. */
function supportOf(centre: usize, weight: usize): v128 {
	// Several sums, so that one addition need not wait for the one before it.
	let sum0 = f32x4.splat(0);
	let sum1 = f32x4.splat(0);
	let sum2 = f32x4.splat(0);
	let sum3 = f32x4.splat(0);
	for (let across = PIXEL_BYTES; across <= MAX_DISTANCE * PIXEL_BYTES; across *= 2) {
		const down = (across / PIXEL_BYTES) * rowBytes;
		const above = centre - down;
		const below = centre + down;
		sum0 = f32x4.add(sum0, f32x4.mul(v128.load(weight), v128.load(above - across)));
		sum1 = f32x4.add(sum1, f32x4.mul(v128.load(weight, 16), v128.load(above)));
		sum2 = f32x4.add(sum2, f32x4.mul(v128.load(weight, 32), v128.load(above + across)));
		sum3 = f32x4.add(sum3, f32x4.mul(v128.load(weight, 48), v128.load(centre - across)));
		sum0 = f32x4.add(sum0, f32x4.mul(v128.load(weight, 64), v128.load(centre + across)));
		sum1 = f32x4.add(sum1, f32x4.mul(v128.load(weight, 80), v128.load(below - across)));
		sum2 = f32x4.add(sum2, f32x4.mul(v128.load(weight, 96), v128.load(below)));
		sum3 = f32x4.add(sum3, f32x4.mul(v128.load(weight, 112), v128.load(below + across)));
		weight += 8 * QUAD_BYTES;
	}
	return f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3));
}

/** Turns each object's support into its weight against the background's, which is 1. @returns the sum of all weights */
function weighObjects(at: i32, quad: i32, smoothness: f32): v128 {
	let background = v128.load(weightSums + quad * QUAD_BYTES);
	for (let object = 0; object < objects; object++) {
		background = f32x4.sub(background, v128.load(supportAt(object, at)));
	}
	let total = f32x4.splat(1);
	for (let object = 0; object < objects; object++) {
		const support = supportAt(object, at);
		const smooth = f32x4.mul(f32x4.sub(v128.load(support), background), f32x4.splat(smoothness));
		const weight = exponential(f32x4.add(smooth, v128.load(unaryAt(object, quad))));
		v128.store(support, weight);
		total = f32x4.add(total, weight);
	}
	return total;
}

/** Writes the probabilities of a quad's pixels in the band. @returns whether any changed */
function writeProbabilities(at: i32, quad: i32, total: v128): bool {
	const inBand = i32x4.ge_s(v128.load(pixels + quad * QUAD_BYTES), i32x4.splat(0));
	let change = f32x4.splat(0);
	for (let object = 0; object < objects; object++) {
		const place = planes + (COLOURS + object) * planeBytes + get(places, quad);
		const before = v128.load(place);
		const after = v128.bitselect(f32x4.div(v128.load(supportAt(object, at)), total), before, inBand);
		v128.store(place, after);
		change = f32x4.max(change, f32x4.abs(f32x4.sub(after, before)));
	}
	return v128.any_true(f32x4.gt(change, f32x4.splat(ARRIVED)));
}

/** An object's probabilities at the band's pixels: float32 [bandPixels]. */
export function fieldProbabilities(object: i32): usize {
	const values = fieldOdds(object);
	for (let at = 0; at < bandPixels; at++) {
		set(values, at, load<i32>(fieldPixel(COLOURS + object, get(band, at))));
	}
	return values;
}

/** Beyond, float32 has no room for the exponent. */
const EXPONENT_LIMIT: f32 = 120;

function exponential(x: v128): v128 {
	const power = f32x4.max(
		f32x4.min(f32x4.mul(x, f32x4.splat(Math.LOG2E as f32)), f32x4.splat(EXPONENT_LIMIT)),
		f32x4.splat(-EXPONENT_LIMIT),
	);
	const whole = f32x4.nearest(power);
	const rest = f32x4.sub(power, whole);
	// 2^rest, from -0.5 to 0.5, to seven digits, as a polynomial.
	let value = f32x4.splat(0.0013333558);
	value = f32x4.add(f32x4.mul(value, rest), f32x4.splat(0.009618129));
	value = f32x4.add(f32x4.mul(value, rest), f32x4.splat(0.05550411));
	value = f32x4.add(f32x4.mul(value, rest), f32x4.splat(0.2402265));
	value = f32x4.add(f32x4.mul(value, rest), f32x4.splat(Math.LN2 as f32));
	value = f32x4.add(f32x4.mul(value, rest), f32x4.splat(1));
	// The exponent's bits of 2^whole.
	return f32x4.mul(value, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(127)), 23));
}
