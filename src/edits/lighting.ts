import type { Raster } from '../core/frame.js';
import type { Light } from '../core/light.js';
import type { Mesh } from '../motion/mesh.js';
import type { Placement } from '../motion/mesh-pose.js';

/** Samples to each side of a point, one spacing of the mesh in all. */
const REACH = 4;
/** Brightness, 0..1, that is added to both sides of the ratio: black says nothing of light. */
const FLOOR = 0.02;
const DARKEST = 0.2;
const BRIGHTEST = 4;
/** Rounds of averaging over neighbours: light changes slowly over a surface, its texture does not. */
const ROUNDS = 6;

/**
 * How much brighter each channel is around every point than it was in the first frame.
 *
 * @param evidence [H * W of the first frame] 1 for pixels that take part
 * @param trust [points] 0..1, how surely the point shows the same thing as in the first frame
 * @returns [points * 3] factors; 1 is no change
 */
export const lightGains = (
	mesh: Mesh,
	evidence: { readonly width: number; readonly height: number; readonly data: Uint8Array },
	first: Raster<3>,
	frame: Raster<3>,
	place: Placement,
	trust: Float64Array,
	light: Light,
): Float64Array => {
	const points = mesh.x.length;
	const gains = new Float64Array(points * 3).fill(1);
	const weights = new Float64Array(points);
	const step = mesh.spacing / (2 * REACH);
	for (let i = 0; i < points; i++) {
		const before = [0, 0, 0];
		const after = [0, 0, 0];
		let count = 0;
		for (let v = -REACH; v <= REACH; v++) {
			for (let u = -REACH; u <= REACH; u++) {
				const [dx, dy] = [u * step, v * step];
				const px = Math.round(mesh.x[i]! + dx);
				const py = Math.round(mesh.y[i]! + dy);
				const l = place.linear;
				const qx = Math.round(place.x[i]! + l[i * 4]! * dx + l[i * 4 + 1]! * dy);
				const qy = Math.round(place.y[i]! + l[i * 4 + 2]! * dx + l[i * 4 + 3]! * dy);
				if (
					!isInside(first, px, py) ||
					!isInside(frame, qx, qy) ||
					evidence.data[py * first.width + px] === 0
				) {
					continue;
				}
				count++;
				for (let c = 0; c < 3; c++) {
					before[c]! += light.fromByte(first.data[(py * first.width + px) * 3 + c]!);
					after[c]! += light.fromByte(frame.data[(qy * frame.width + qx) * 3 + c]!);
				}
			}
		}
		if (count === 0) {
			continue;
		}
		weights[i] = trust[i]! * count;
		for (let c = 0; c < 3; c++) {
			const ratio = (after[c]! / count + FLOOR) / (before[c]! / count + FLOOR);
			gains[i * 3 + c] = Math.min(BRIGHTEST, Math.max(DARKEST, ratio));
		}
	}
	return smoothOver(mesh, gains, weights);
};

const isInside = ({ width, height }: Raster, x: number, y: number): boolean =>
	x >= 0 && y >= 0 && x < width && y < height;

/** Weighted averaging with neighbours, of logarithms: twice as bright and half as bright make no change. */
const smoothOver = (mesh: Mesh, gains: Float64Array, weights: Float64Array): Float64Array => {
	const points = weights.length;
	let logs = gains.map(Math.log);
	let mass = weights.map((weight) => weight + 1e-6);
	for (let round = 0; round < ROUNDS; round++) {
		const sums = logs.map((value, at) => value * mass[Math.floor(at / 3)]!);
		const totals = Float64Array.from(mass);
		for (const [to, around] of mesh.neighbours.entries()) {
			for (const from of around) {
				const share = 0.5 * mass[from]!;
				totals[to]! += share;
				for (let c = 0; c < 3; c++) {
					sums[to * 3 + c]! += share * logs[from * 3 + c]!;
				}
			}
		}
		logs = sums.map((value, at) => value / totals[Math.floor(at / 3)]!);
		const most = totals.reduce((largest, value) => Math.max(largest, value), 0);
		mass = totals.map((value) => value / most);
	}
	return Float64Array.from({ length: points * 3 }, (_, at) => Math.exp(logs[at]!));
};
