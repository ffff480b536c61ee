import { allocate, get, set } from '../memory';
import {
	blocksAt,
	cells,
	channels,
	frameBytes,
	GROUP,
	gridHeight,
	gridWidth,
	groupBytes,
	LENGTH,
	STRIDE,
	superblockColumns,
	superblockRows,
	superblocksAt,
	VECTOR_BYTES,
	VECTOR_CHANNELS,
} from './layout';

/** float32 [channels, cells with padding]: a map on its way in. */
let planes: usize = 0;
let planeBytes: usize = 0;
/** int32 [cells with padding]: where a frame has each cell of a plane; the padding's go behind the frame's end. */
let places: usize = 0;

export function openStore(): void {
	const planeCells = (gridHeight * gridWidth + 3) & -4;
	planeBytes = 4 * planeCells;
	planes = allocate(planeBytes * channels);
	places = allocate(planeBytes);
	for (let cell = 0; cell < planeCells; cell++) {
		set(places, cell, frameBytes as i32);
	}
	for (let at = 0; at < 16 * superblockRows * superblockColumns; at++) {
		const cell = get(cells, at);
		if (cell >= 0) {
			set(places, cell, ((at / GROUP) * groupBytes + (at % GROUP) * VECTOR_BYTES) as i32);
		}
	}
}

/** Room for a frame. */
export function allocateFrame(): usize {
	return allocate(frameBytes + groupBytes);
}

/** The address of a plane of a map on its way in. */
export function planeOf(channel: i32): usize {
	return planes + channel * planeBytes;
}

/**
 * Puts the map that is in the planes into a frame: descriptors of length 1, in 16-bit integers, which changes a similarity by less
 * than 0.0005.
 */
export function storeFrame(frame: usize): void {
	for (let at: usize = 0; at < planeBytes; at += VECTOR_BYTES) {
		storeFourCells(planes + at, frame, places + at);
	}
	storeMeans(frame, frame + blocksAt, frame + superblocksAt);
	storeMeans(frame + blocksAt, frame + superblocksAt, frame + frameBytes);
}

function storeFourCells(plane: usize, frame: usize, place: usize): void {
	const planesEnd = plane + channels * planeBytes;
	let squares = f32x4.splat(0);
	for (let at = plane; at < planesEnd; at += planeBytes) {
		const values = v128.load(at);
		squares = f32x4.add(squares, f32x4.mul(values, values));
	}
	const scale = f32x4.div(f32x4.splat(LENGTH), f32x4.max(f32x4.sqrt(squares), f32x4.splat(1e-12)));

	let first = frame + load<u32>(place);
	let second = frame + load<u32>(place, 4);
	let third = frame + load<u32>(place, 8);
	let fourth = frame + load<u32>(place, 12);
	for (let at = plane; at < planesEnd; at += VECTOR_CHANNELS * planeBytes) {
		// Each has two channels of four cells ...
		const a = roundedPair(at, scale);
		const b = roundedPair(at + 2 * planeBytes, scale);
		const c = roundedPair(at + 4 * planeBytes, scale);
		const d = roundedPair(at + 6 * planeBytes, scale);
		// ... four channels of two cells ...
		const ab01 = v128.shuffle<i16>(a, b, 0, 4, 8, 12, 1, 5, 9, 13);
		const ab23 = v128.shuffle<i16>(a, b, 2, 6, 10, 14, 3, 7, 11, 15);
		const cd01 = v128.shuffle<i16>(c, d, 0, 4, 8, 12, 1, 5, 9, 13);
		const cd23 = v128.shuffle<i16>(c, d, 2, 6, 10, 14, 3, 7, 11, 15);
		// ... eight channels of one cell.
		v128.store(first, v128.shuffle<i64>(ab01, cd01, 0, 2));
		v128.store(second, v128.shuffle<i64>(ab01, cd01, 1, 3));
		v128.store(third, v128.shuffle<i64>(ab23, cd23, 0, 2));
		v128.store(fourth, v128.shuffle<i64>(ab23, cd23, 1, 3));
		first += STRIDE;
		second += STRIDE;
		third += STRIDE;
		fourth += STRIDE;
	}
}

/** Two planes' values of four cells as 16-bit integers. */
function roundedPair(plane: usize, scale: v128): v128 {
	return i16x8.narrow_i32x4_s(rounded(plane, scale), rounded(plane + planeBytes, scale));
}

function rounded(plane: usize, scale: v128): v128 {
	return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(plane), scale)));
}

/**
 * Writes the mean of each group from `groups` on to `means`, up to `meansEnd`. The product of two means is the mean of the
 * similarities of all pairs of their cells.
 */
function storeMeans(groups: usize, means: usize, meansEnd: usize): void {
	for (; means < meansEnd; means += groupBytes) {
		for (let member: usize = 0; member < STRIDE; member += VECTOR_BYTES) {
			let mean = means + member;
			for (const end = groups + groupBytes; groups < end; groups += STRIDE) {
				v128.store(mean, meanOfFour(groups));
				mean += STRIDE;
			}
		}
	}
}

function meanOfFour(vectors: usize): v128 {
	const a = v128.load(vectors);
	const b = v128.load(vectors, 16);
	const c = v128.load(vectors, 32);
	const d = v128.load(vectors, 48);
	const low = i32x4.add(
		i32x4.add(i32x4.extend_low_i16x8_s(a), i32x4.extend_low_i16x8_s(b)),
		i32x4.add(i32x4.extend_low_i16x8_s(c), i32x4.extend_low_i16x8_s(d)),
	);
	const high = i32x4.add(
		i32x4.add(i32x4.extend_high_i16x8_s(a), i32x4.extend_high_i16x8_s(b)),
		i32x4.add(i32x4.extend_high_i16x8_s(c), i32x4.extend_high_i16x8_s(d)),
	);
	return i16x8.narrow_i32x4_s(i32x4.shr_s(low, 2), i32x4.shr_s(high, 2));
}
