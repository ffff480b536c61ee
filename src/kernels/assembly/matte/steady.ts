/**
 * Less chatter: what has been found for the frame before has a part in the lines of this one. Lines are good for other pixels, too,
 * so that what moves stays sharp; they are taken from where the surroundings of a pixel were then.
 */
import { allocate } from '../memory';
import { boxMean, rowBytes } from './planes';
import { block, distance, height, image, lines, scale, width } from './soft-alpha';

const VECTOR: usize = 16;
/** The lines' four, three of the colours around, and the light. */
const PLANES: usize = 8;
const AROUND: usize = 4;
const LIGHT: usize = 7;
/** A colour that resembles none. */
const NO_COLOUR: f32 = 1000;

/** Lengths are in pixels of 480 lines. How far around a pixel colours are compared. */
const NEIGHBOURHOOD: f32 = 4;
/** Beyond, motion does not matter, because there is no edge. */
const FAR: f32 = 40;
/** As far as things may move from frame to frame. */
const MOTION: f32 = 16;
/** Motion is one for tiles of so many cells, and is found by more around them, of which every second in each direction is looked at. */
const TILE: i32 = 16;
const MARGIN: i32 = 4;
const STEP: i32 = 2;
/** Any motion has to explain so much more light a cell than none. */
const INERTIA: f32 = 0.003;

/** How much the frame before counts where nothing has changed. */
const STEADINESS: f32 = 0.6;
/** Square of a change of colours (0..1) by which it counts half as much. */
const CHANGE: f32 = 0.001;

let before: usize = 0;

/**
 * Room for what has been found for the frame before, whose planes are to be written next, as far as it lies in this box: `cellRowBytes`
 * a row. Where nothing is written, nothing resembles it.
 */
export function openBefore(): usize {
	const bytes = PLANES * rowBytes(width) * height;
	before = allocate(bytes);
	for (let at = before; at < before + bytes; at += VECTOR) {
		v128.store(at, f32x4.splat(NO_COLOUR));
	}
	return before;
}

export function cellRowBytes(): usize {
	return rowBytes(width);
}

/** Mixes the frame before into the lines. @returns planes that the next frame needs */
export function steadyLines(): usize {
	const pitch = rowBytes(width);
	const plane = pitch * height;
	const found = allocate(PLANES * plane);
	const around = found + AROUND * plane;
	const radius = max(1, nearest((NEIGHBOURHOOD * scale) / (block as f32)) as i32);
	for (let n: usize = 0; n < 3; n++) {
		boxMean(image + plane * n, around + plane * n, width, height, radius);
	}
	for (let at: usize = 0; at < plane; at += 4) {
		const sum = load<f32>(image + at) + load<f32>(image + plane + at) + load<f32>(image + 2 * plane + at);
		store<f32>(found + LIGHT * plane + at, sum / 3);
	}
	for (let top = 0; top < height; top += TILE) {
		for (let left = 0; left < width; left += TILE) {
			findMotion(found + LIGHT * plane, before + LIGHT * plane, left, top);
			for (let y = top; y < min(height, top + TILE); y++) {
				for (let x = left; x < min(width, left + TILE); x++) {
					mix(around, plane, pitch * y + 4 * x, pitch * (y + motionY) + 4 * (x + motionX));
				}
			}
		}
	}
	memory.copy(found, lines, AROUND * plane);
	return found;
}

function mix(around: usize, plane: usize, at: usize, then: usize): void {
	let change: f32 = 0;
	for (let n: usize = 0; n < 3; n++) {
		const difference = load<f32>(around + plane * n + at) - load<f32>(before + plane * (AROUND + n) + then);
		change += difference * difference;
	}
	change /= CHANGE;
	const share = STEADINESS / (1 + change * change);
	for (let n: usize = 0; n < AROUND; n++) {
		const line = load<f32>(lines + plane * n + at);
		const other = load<f32>(before + plane * n + then);
		store<f32>(lines + plane * n + at, line + share * (other - line));
	}
}

/** Where the cells of a tile were in the frame before, from where they are. */
let motionX: i32 = 0;
let motionY: i32 = 0;

function findMotion(now: usize, then: usize, left: i32, top: i32): void {
	motionX = 0;
	motionY = 0;
	const middle = rowBytes(width) * min(height - 1, top + TILE / 2) + 4 * min(width - 1, left + TILE / 2);
	const unit = scale / (block as f32);
	if (abs(load<f32>(distance + middle)) > FAR * unit) {
		return;
	}
	const farthest = nearest(MOTION * unit) as i32;
	let least = difference(now, then, left, top, 0, 0, f32.MAX_VALUE) - INERTIA;
	for (let step = STEP; step > 0; step--) {
		const reach = step === STEP ? farthest : 1;
		const fromX = motionX;
		const fromY = motionY;
		for (let y = fromY - reach; y <= fromY + reach; y += step) {
			for (let x = fromX - reach; x <= fromX + reach; x += step) {
				const found = difference(now, then, left, top, x, y, least);
				if (found < least) {
					least = found;
					motionX = x;
					motionY = y;
				}
			}
		}
	}
}

/** Mean difference of light of a tile and its margin from where it may have been; anything beyond `most` is as good as that. */
function difference(now: usize, then: usize, left: i32, top: i32, x: i32, y: i32, most: f32): f32 {
	const pitch = rowBytes(width);
	const firstX = max(0, left - MARGIN);
	const firstY = max(0, top - MARGIN);
	const endX = min(width, left + TILE + MARGIN);
	const endY = min(height, top + TILE + MARGIN);
	// Cells that are a tile's own have to have been in the box, so that something can be taken from there.
	if (
		left + x < 0 ||
		top + y < 0 ||
		min(width, left + TILE) + x > width ||
		min(height, top + TILE) + y > height
	) {
		return most;
	}
	let sum: f32 = 0;
	let count = 0;
	for (let py = firstY; py < endY; py += STEP) {
		if (py + y < 0 || py + y >= height) {
			continue;
		}
		const row = now + pitch * py;
		const other = then + pitch * (py + y);
		for (let px = firstX; px < endX; px += STEP) {
			if (px + x >= 0 && px + x < width) {
				sum += abs(load<f32>(row + 4 * px) - load<f32>(other + 4 * (px + x)));
				count++;
			}
		}
	}
	return sum / (count as f32);
}
