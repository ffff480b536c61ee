import type { LumaPlane } from './luma-pyramid.js';
import type { Mesh } from './mesh.js';
import type { Placement } from './mesh-pose.js';

/** The quadratic form that says how a step of each point changes the difference between two images around it. */
export type Alignment = {
	/** [points * 3] xx, xy, yy of the normal matrix, 1 / px². */
	readonly normal: Float64Array;
	/** [points * 2] right-hand side, 1 / px. */
	readonly right: Float64Array;
	/** [points] normalised cross-correlation of the patches, -1..1; 0 where there is nothing to see. */
	readonly correlation: Float64Array;
};

/** Samples to each side of a point. */
const REACH = 7;
const SIDE = 2 * REACH + 1;
/** Levels by which two images of the same thing differ: codec noise, and what a patch's motion leaves over. */
const NOISE = 4;
/** Patches that correlate less than this are not of the same thing. */
const LEAST_CORRELATION = 0.4;

/**
 * Compares the patch around every point in two images (Lucas & Kanade 1981, brightness and contrast of each patch
 * normalised), for one Gauss-Newton step of the points in `to`.
 *
 * @param evidence [H * W of the first frame] 1 for pixels that take part
 * @param covered tells of a pixel of the frame that something else is in front there; nothing is when undefined
 * @param level of the pyramids that `fromPlane` and `toPlane` are
 */
export const alignPatches = (
	mesh: Mesh,
	evidence: { readonly width: number; readonly height: number; readonly data: Uint8Array },
	fromPlane: LumaPlane,
	from: Placement,
	toPlane: LumaPlane,
	to: Placement,
	level: number,
	covered?: ((x: number, y: number) => boolean) | undefined,
): Alignment => {
	const points = mesh.x.length;
	const normal = new Float64Array(points * 3);
	const right = new Float64Array(points * 2);
	const correlation = new Float64Array(points);
	const scale = 2 ** level;
	const a = new Float64Array(SIDE * SIDE);
	const b = new Float64Array(SIDE * SIDE);
	const gx = new Float64Array(SIDE * SIDE);
	const gy = new Float64Array(SIDE * SIDE);
	const sample = new Float64Array(3);
	for (let i = 0; i < points; i++) {
		if (mesh.evidence[i]! === 0) {
			continue;
		}
		let count = 0;
		const [x0, y0] = [mesh.x[i]!, mesh.y[i]!];
		const [fx, fy, tx, ty] = [from.x[i]!, from.y[i]!, to.x[i]!, to.y[i]!];
		const f = from.linear.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
		const t = to.linear.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
		for (let v = -REACH; v <= REACH; v++) {
			const dy = v * scale;
			const py = Math.round(y0 + dy);
			if (py < 0 || py >= evidence.height) {
				continue;
			}
			for (let u = -REACH; u <= REACH; u++) {
				const dx = u * scale;
				const px = Math.round(x0 + dx);
				if (px < 0 || px >= evidence.width || evidence.data[py * evidence.width + px] === 0) {
					continue;
				}
				if (!sampleAt(fromPlane, fx + f[0] * dx + f[1] * dy, fy + f[2] * dx + f[3] * dy, scale, sample)) {
					continue;
				}
				a[count] = sample[0]!;
				const toX = tx + t[0] * dx + t[1] * dy;
				const toY = ty + t[2] * dx + t[3] * dy;
				if (covered?.(Math.round(toX), Math.round(toY)) || !sampleAt(toPlane, toX, toY, scale, sample)) {
					continue;
				}
				b[count] = sample[0]!;
				gx[count] = sample[1]!;
				gy[count] = sample[2]!;
				count++;
			}
		}
		if (count < SIDE * 3) {
			continue;
		}
		accumulate(i, count, a, b, gx, gy, normal, right, correlation);
	}
	return { normal, right, correlation };
};

const accumulate = (
	point: number,
	count: number,
	a: Float64Array,
	b: Float64Array,
	gx: Float64Array,
	gy: Float64Array,
	normal: Float64Array,
	right: Float64Array,
	correlation: Float64Array,
): void => {
	let [meanA, meanB, meanX, meanY] = [0, 0, 0, 0];
	for (let k = 0; k < count; k++) {
		meanA += a[k]!;
		meanB += b[k]!;
		meanX += gx[k]!;
		meanY += gy[k]!;
	}
	meanA /= count;
	meanB /= count;
	meanX /= count;
	meanY /= count;
	let [aa, bb, ab] = [0, 0, 0];
	for (let k = 0; k < count; k++) {
		const da = a[k]! - meanA;
		const db = b[k]! - meanB;
		aa += da * da;
		bb += db * db;
		ab += da * db;
	}
	// A patch without contrast correlates with anything; noise of its own keeps it from doing so.
	const floor = count * NOISE * NOISE * 0.25;
	const correlated = ab / Math.sqrt((aa + floor) * (bb + floor));
	correlation[point] = correlated;
	const trust = Math.max(0, (correlated - LEAST_CORRELATION) / (1 - LEAST_CORRELATION)) ** 2;
	const gain = Math.min(3, Math.max(1 / 3, Math.sqrt((aa + floor) / (bb + floor))));
	const weight = trust / (NOISE * NOISE);
	let [xx, xy, yy, rx, ry] = [0, 0, 0, 0, 0];
	for (let k = 0; k < count; k++) {
		const dx = gain * (gx[k]! - meanX);
		const dy = gain * (gy[k]! - meanY);
		const e = a[k]! - meanA - gain * (b[k]! - meanB);
		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
		rx += dx * e;
		ry += dy * e;
	}
	normal[point * 3] = weight * xx;
	normal[point * 3 + 1] = weight * xy;
	normal[point * 3 + 2] = weight * yy;
	right[point * 2] = weight * rx;
	right[point * 2 + 1] = weight * ry;
};

/**
 * Bilinear value and its derivatives per pixel of the full-size image, at a position in full-size pixels.
 *
 * @returns false outside the image
 */
export const sampleAt = (
	{ width, height, data }: LumaPlane,
	fullX: number,
	fullY: number,
	scale: number,
	out: Float64Array,
): boolean => {
	const x = (fullX + 0.5) / scale - 0.5;
	const y = (fullY + 0.5) / scale - 0.5;
	const left = Math.floor(x);
	const top = Math.floor(y);
	if (left < 1 || top < 1 || left >= width - 2 || top >= height - 2) {
		return false;
	}
	const fx = x - left;
	const fy = y - top;
	const at = top * width + left;
	const p00 = data[at]!;
	const p01 = data[at + 1]!;
	const p10 = data[at + width]!;
	const p11 = data[at + width + 1]!;
	out[0] = (1 - fy) * ((1 - fx) * p00 + fx * p01) + fy * ((1 - fx) * p10 + fx * p11);
	// Central differences, interpolated: smoother than those of the bilinear patch itself.
	const gx0 = (p01 - data[at - 1]!) * (1 - fx) + (data[at + 2]! - p00) * fx;
	const gx1 = (p11 - data[at + width - 1]!) * (1 - fx) + (data[at + width + 2]! - p10) * fx;
	const gy0 = (p10 - data[at - width]!) * (1 - fy) + (data[at + 2 * width]! - p00) * fy;
	const gy1 = (p11 - data[at - width + 1]!) * (1 - fy) + (data[at + 2 * width + 1]! - p01) * fy;
	out[1] = ((1 - fy) * gx0 + fy * gx1) / (2 * scale);
	out[2] = ((1 - fx) * gy0 + fx * gy1) / (2 * scale);
	return true;
};
