/**
 * The object's own colours where what is behind it shines through, estimated by blurring (Forte, "Approximate Fast Foreground Colour
 * Estimation", ICIP 2021).
 */
import { allocate, free } from '../memory';
import { boxMean, rowBytes } from './planes';

const VECTOR: usize = 16;
/** Opacities below this are as good as none for telling a colour. */
const LEAST: f32 = 1e-3;
const OPAQUE: f32 = 65535;

const base = allocate(0);
let width: i32 = 0;
let height: i32 = 0;
/** uint8 [height, width, 3] */
let pixels: usize = 0;
/** uint16 [height, width] */
let alpha: usize = 0;

/** Room for another image, whose pixels and opacities are to be written next. */
export function openForeground(imageWidth: i32, imageHeight: i32): void {
	free(base);
	width = imageWidth;
	height = imageHeight;
	pixels = allocate(3 * width * height);
	alpha = allocate(2 * width * height);
}

export function foregroundPixels(): usize {
	return pixels;
}

export function foregroundAlpha(): usize {
	return alpha;
}

/**
 * Gives pixels that the object covers partly, and those beside it, its own colours.
 *
 * @param far, near radii of two rounds: the first finds colours far away, the second those that are near
 */
export function findForeground(far: i32, near: i32): void {
	const plane = rowBytes(width) * height;
	const opacity = allocate(plane);
	const farShare = allocate(plane);
	const nearShare = allocate(plane);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const value = load<u16>(alpha + 2 * (y * width + x)) as f32;
			store<f32>(opacity + rowBytes(width) * y + 4 * x, value / OPAQUE);
		}
	}
	boxMean(opacity, farShare, width, height, far);
	boxMean(opacity, nearShare, width, height, near);
	const seen = allocate(plane);
	const front = allocate(plane);
	const back = allocate(plane);
	for (let channel = 0; channel < 3; channel++) {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const value = load<u8>(pixels + 3 * (y * width + x) + channel) as f32;
				store<f32>(seen + rowBytes(width) * y + 4 * x, value);
			}
		}
		memory.copy(front, seen, plane);
		memory.copy(back, seen, plane);
		separate(seen, opacity, front, back, farShare, far);
		separate(seen, opacity, front, back, nearShare, near);
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const at = rowBytes(width) * y + 4 * x;
				if (load<f32>(opacity + at) < 1 && load<f32>(nearShare + at) > LEAST) {
					const value = nearest(load<f32>(front + at)) as u8;
					store<u8>(pixels + 3 * (y * width + x) + channel, value);
				}
			}
		}
	}
}

/** One round: what the means of both layers around do not explain of a pixel is shared between them, as far as each is seen there. */
function separate(seen: usize, opacity: usize, front: usize, back: usize, share: usize, radius: i32): void {
	const plane = rowBytes(width) * height;
	const fronts = allocate(plane);
	const backs = allocate(plane);
	const one = f32x4.splat(1);
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const covered = v128.load(opacity + at);
		v128.store(fronts + at, f32x4.mul(v128.load(front + at), covered));
		v128.store(backs + at, f32x4.mul(v128.load(back + at), f32x4.sub(one, covered)));
	}
	boxMean(fronts, fronts, width, height, radius);
	boxMean(backs, backs, width, height, radius);
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const covered = v128.load(opacity + at);
		const bare = f32x4.sub(one, covered);
		const total = v128.load(share + at);
		const frontMean = meanOr(v128.load(front + at), v128.load(fronts + at), total);
		const backMean = meanOr(v128.load(back + at), v128.load(backs + at), f32x4.sub(one, total));
		const explained = f32x4.add(f32x4.mul(covered, frontMean), f32x4.mul(bare, backMean));
		const rest = f32x4.sub(v128.load(seen + at), explained);
		v128.store(front + at, colour(f32x4.add(frontMean, f32x4.mul(covered, rest))));
		v128.store(back + at, colour(f32x4.add(backMean, f32x4.mul(bare, rest))));
	}
	free(fronts);
}

/** The mean of colours around, of those that are of a layer; the colour itself where none is. */
function meanOr(own: v128, sum: v128, total: v128): v128 {
	const least = f32x4.splat(LEAST);
	const mean = f32x4.div(sum, f32x4.max(total, least));
	return v128.bitselect(mean, own, f32x4.gt(total, least));
}

function colour(value: v128): v128 {
	return f32x4.max(f32x4.splat(0), f32x4.min(f32x4.splat(255), value));
}
