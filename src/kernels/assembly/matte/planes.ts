/**
 * Planes: one float32 a pixel. Their rows are as long as whole vectors; what lies behind a row's last pixel means nothing, and
 * nothing is read of it. Scratch memory is allocated behind everything else, and freed again.
 */
import { allocate, free, get, set } from '../memory';

const LANES: i32 = 4;
const VECTOR: usize = 16;

/** Bytes of a row. */
export function rowBytes(width: i32): usize {
	return (((width + LANES - 1) & -LANES) as usize) << 2;
}

export function allocatePlane(width: i32, height: i32): usize {
	return allocate(rowBytes(width) * height);
}

/** Means over windows of `2 radius + 1` pixels; beyond the edge the outermost pixels go on. @param to may be `from` */
export function boxMean(from: usize, to: usize, width: i32, height: i32, radius: i32): void {
	const pitch = rowBytes(width);
	const rows = allocatePlane(width, height);
	const line = allocate(VECTOR * (width + LANES + 2 * radius + 1));
	for (let y = 0; y < height; y += LANES) {
		loadLines(from, line, width, height, pitch, y, radius);
		sumLine(line, width, radius);
		storeLines(line, rows, height, pitch, y);
	}
	const taps = 2 * radius + 1;
	const scale = f32x4.splat(1 / ((taps * taps) as f32));
	for (let column: usize = 0; column < pitch; column += VECTOR) {
		const top = rows + column;
		const bottom = top + pitch * (height - 1);
		let sum = f32x4.mul(v128.load(top), f32x4.splat((radius + 1) as f32));
		for (let y = 1; y <= radius; y++) {
			sum = f32x4.add(sum, v128.load(min(top + pitch * y, bottom)));
		}
		let out = to + column;
		for (let y = 0; y < height; y++) {
			v128.store(out, f32x4.mul(sum, scale));
			out += pitch;
			const entering = min(top + pitch * (y + radius + 1), bottom);
			const leaving = top + pitch * max(y - radius, 0);
			sum = f32x4.sub(f32x4.add(sum, v128.load(entering)), v128.load(leaving));
		}
	}
	free(rows);
}

/** Four rows side by side, a vector for each column, with as many more at both ends as windows reach. */
function loadLines(
	from: usize,
	line: usize,
	width: i32,
	height: i32,
	pitch: usize,
	y: i32,
	radius: i32,
): void {
	const row0 = from + pitch * y;
	const last = from + pitch * (height - 1);
	const row1 = min(row0 + pitch, last);
	const row2 = min(row0 + 2 * pitch, last);
	const row3 = min(row0 + 3 * pitch, last);
	const first = line + VECTOR * radius;
	let to = first;
	for (let at: usize = 0; at < pitch; at += VECTOR) {
		transpose(v128.load(row0 + at), v128.load(row1 + at), v128.load(row2 + at), v128.load(row3 + at), to);
		to += 4 * VECTOR;
	}
	const end = first + VECTOR * width;
	const left = v128.load(first);
	const right = v128.load(end - VECTOR);
	for (let x = 0; x < radius; x++) {
		v128.store(line + VECTOR * x, left);
	}
	for (let x = 0; x <= radius; x++) {
		v128.store(end + VECTOR * x, right);
	}
}

/** Puts in the place of each column the sum of the ones from there on. */
function sumLine(line: usize, width: i32, radius: i32): void {
	let sum = v128.load(line);
	const taps = VECTOR * (2 * radius + 1);
	for (let at = line + VECTOR; at < line + taps; at += VECTOR) {
		sum = f32x4.add(sum, v128.load(at));
	}
	for (let at = line; at < line + VECTOR * width; at += VECTOR) {
		const leaving = v128.load(at);
		v128.store(at, sum);
		sum = f32x4.sub(f32x4.add(sum, v128.load(at + taps)), leaving);
	}
}

function storeLines(line: usize, rows: usize, height: i32, pitch: usize, y: i32): void {
	const row0 = rows + pitch * y;
	const count = min(LANES, height - y);
	const quad = allocate(4 * VECTOR);
	let from = line;
	for (let at: usize = 0; at < pitch; at += VECTOR) {
		transpose(
			v128.load(from),
			v128.load(from, VECTOR),
			v128.load(from, 2 * VECTOR),
			v128.load(from, 3 * VECTOR),
			quad,
		);
		for (let row = 0; row < count; row++) {
			v128.store(row0 + pitch * row + at, v128.load(quad + VECTOR * row));
		}
		from += 4 * VECTOR;
	}
	free(quad);
}

function transpose(a: v128, b: v128, c: v128, d: v128, to: usize): void {
	const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
	const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
	const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
	const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
	v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
	v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), VECTOR);
	v128.store(to, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), 2 * VECTOR);
	v128.store(to, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7), 3 * VECTOR);
}

/** The largest value within windows of `2 radius + 1` pixels. @param to may be `from` */
export function boxMaximum(from: usize, to: usize, width: i32, height: i32, radius: i32): void {
	const pitch = rowBytes(width);
	const rows = allocatePlane(width, height);
	const queue = allocate(4 * max(width, height));
	for (let y = 0; y < height; y++) {
		maximaOfLine(from + pitch * y, rows + pitch * y, width, 4, radius, queue);
	}
	for (let x = 0; x < width; x++) {
		maximaOfLine(rows + 4 * x, to + 4 * x, height, pitch, radius, queue);
	}
	free(rows);
}

/** A queue of falling values holds what may yet be the largest: each pixel goes in and out once. */
function maximaOfLine(from: usize, to: usize, length: i32, step: usize, radius: i32, queue: usize): void {
	let head = 0;
	let tail = 0;
	for (let at = 0; at < length + radius; at++) {
		if (at < length) {
			const value = load<f32>(from + step * at);
			while (tail > head && load<f32>(from + step * get(queue, tail - 1)) <= value) {
				tail--;
			}
			set(queue, tail++, at);
		}
		const middle = at - radius;
		if (middle >= 0) {
			while (get(queue, head) < middle - radius) {
				head++;
			}
			store<f32>(to + step * middle, load<f32>(from + step * get(queue, head)));
		}
	}
}

/** Farther than any pixel of an image is from another. */
const FAR: f32 = 1e5;

/**
 * How far each pixel's centre is from where a plane falls below a half, in pixels: positive inside, negative outside. Exact
 * (Felzenszwalb & Huttenlocher, "Distance transforms of sampled functions", 2012).
 */
export function distanceToBorder(cover: usize, to: usize, width: i32, height: i32): void {
	const pitch = rowBytes(width);
	const outside = allocatePlane(width, height);
	squaredDistance(cover, to, true, width, height);
	squaredDistance(cover, outside, false, width, height);
	for (let at: usize = 0; at < pitch * height; at += 4) {
		const toInside = load<f32>(to + at);
		const distance: f32 = toInside > 0 ? 0.5 - sqrt<f32>(toInside) : sqrt<f32>(load<f32>(outside + at)) - 0.5;
		store<f32>(to + at, distance);
	}
	free(outside);
}

function squaredDistance(cover: usize, out: usize, wanted: bool, width: i32, height: i32): void {
	const pitch = rowBytes(width);
	const columns = allocatePlane(width, height);
	const before = allocate(pitch);
	fill(before, pitch, FAR);
	for (let y = 0; y < height; y++) {
		countOn(cover, columns, before, wanted, width, pitch * y, false);
	}
	fill(before, pitch, FAR);
	for (let y = height - 1; y >= 0; y--) {
		countOn(cover, columns, before, wanted, width, pitch * y, true);
	}
	// Along rows: the lower envelope of a parabola for each column, and where each of them begins to be the lowest.
	const lowest = allocate(4 * width);
	const begins = allocate(4 * (width + 1));
	for (let y = 0; y < height; y++) {
		lowestParabolas(columns + pitch * y, out + pitch * y, lowest, begins, width);
	}
	free(columns);
}

function fill(at: usize, bytes: usize, value: f32): void {
	for (let end = at + bytes; at < end; at += 4) {
		store<f32>(at, value);
	}
}

function countOn(
	cover: usize,
	columns: usize,
	before: usize,
	wanted: bool,
	width: i32,
	row: usize,
	isNearer: bool,
): void {
	for (let at: usize = 0; at < (width as usize) << 2; at += 4) {
		const isIn = load<f32>(cover + row + at) >= 0.5;
		const distance: f32 = isIn === wanted ? 0 : load<f32>(before + at) + 1;
		store<f32>(before + at, distance);
		const other = isNearer ? load<f32>(columns + row + at) : FAR;
		store<f32>(columns + row + at, min(distance, other));
	}
}

function square(x: f32): f32 {
	return x * x;
}

function lowestParabolas(from: usize, to: usize, lowest: usize, begins: usize, width: i32): void {
	let last = 0;
	set(lowest, 0, 0);
	store<f32>(begins, -f32.MAX_VALUE);
	store<f32>(begins + 4, f32.MAX_VALUE);
	for (let x = 1; x < width; x++) {
		const height = square(load<f32>(from + 4 * x));
		let begin = crossing(from, get(lowest, last), x, height);
		while (begin <= load<f32>(begins + 4 * last)) {
			last--;
			begin = crossing(from, get(lowest, last), x, height);
		}
		last++;
		set(lowest, last, x);
		store<f32>(begins + 4 * last, begin);
		store<f32>(begins + 4 * (last + 1), f32.MAX_VALUE);
	}
	last = 0;
	for (let x = 0; x < width; x++) {
		while (load<f32>(begins + 4 * (last + 1)) < (x as f32)) {
			last++;
		}
		const column = get(lowest, last);
		store<f32>(to + 4 * x, square((x - column) as f32) + square(load<f32>(from + 4 * column)));
	}
}

/** Where the parabola of a column gets below that of one before it. */
function crossing(from: usize, other: i32, x: i32, height: f32): f32 {
	const difference = (height as f64) - (square(load<f32>(from + 4 * other)) as f64);
	return ((difference + ((x * x - other * other) as f64)) / ((2 * (x - other)) as f64)) as f32;
}

/** Means of blocks of 2 x 2 pixels; at the edge, of what there is. */
export function halve(from: usize, to: usize, width: i32, height: i32): void {
	const pitch = rowBytes(width);
	const halfWidth = (width + 1) >> 1;
	const halfHeight = (height + 1) >> 1;
	for (let y = 0; y < halfHeight; y++) {
		const row = from + pitch * (2 * y);
		const below = from + pitch * min(2 * y + 1, height - 1);
		const out = to + rowBytes(halfWidth) * y;
		for (let x = 0; x < halfWidth; x++) {
			const left: usize = 4 * (2 * x);
			const right: usize = 4 * min(2 * x + 1, width - 1);
			const sum = load<f32>(row + left) + load<f32>(row + right);
			store<f32>(out + 4 * x, (sum + load<f32>(below + left) + load<f32>(below + right)) / 4);
		}
	}
}
