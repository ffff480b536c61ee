import type { Size } from '../core/size.js';
import type { Mesh } from '../motion/mesh.js';

/** Where the pixels of a frame come from in the first frame, inside a box; NaN where the mesh is not. */
export type CarriedField = {
	readonly left: number;
	readonly top: number;
	readonly width: number;
	readonly height: number;
	/** [height * width] in pixels of the first frame, centres at integers. */
	readonly x: Float32Array;
	readonly y: Float32Array;
	/** [height * width] how many pixels of the first frame fall on one: above 1 the edit gets smaller. */
	readonly density: Float32Array;
	/** [height * width * values] what the points carry, interpolated. */
	readonly values: Float32Array;
};

/**
 * Draws a mesh at its place in a frame: every quad as two triangles, in which positions in the first frame, and
 * whatever else the points carry, are interpolated.
 *
 * @param at [points] positions in the frame, in pixels
 * @param carried [points * count] numbers that each point carries
 */
export const drawMesh = (
	mesh: Mesh,
	at: { readonly x: Float64Array; readonly y: Float64Array },
	frame: Size,
	carried: Float64Array,
	count: number,
): CarriedField => {
	const [left, right] = range(at.x, frame.width);
	const [top, bottom] = range(at.y, frame.height);
	const width = Math.max(0, right - left + 1);
	const height = Math.max(0, bottom - top + 1);
	const field = {
		...{ left, top, width, height },
		x: new Float32Array(width * height).fill(Number.NaN),
		y: new Float32Array(width * height).fill(Number.NaN),
		density: new Float32Array(width * height),
		values: new Float32Array(width * height * count),
	};
	for (const [a, b, c, d] of mesh.quads) {
		drawTriangle(mesh, at, field, carried, count, a, b, c);
		drawTriangle(mesh, at, field, carried, count, b, d, c);
	}
	return field;
};

/** First and last pixel of an axis that points at these positions can touch; an empty range when there is none. */
const range = (positions: Float64Array, size: number): [number, number] => {
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (const position of positions) {
		low = Math.min(low, position);
		high = Math.max(high, position);
	}
	return [Math.max(0, Math.floor(low)), Math.min(size - 1, Math.ceil(high))];
};

const drawTriangle = (
	mesh: Mesh,
	at: { readonly x: Float64Array; readonly y: Float64Array },
	field: CarriedField,
	carried: Float64Array,
	count: number,
	a: number,
	b: number,
	c: number,
): void => {
	const [ax, ay] = [at.x[a]!, at.y[a]!];
	const [bx, by] = [at.x[b]! - ax, at.y[b]! - ay];
	const [cx, cy] = [at.x[c]! - ax, at.y[c]! - ay];
	const area = bx * cy - by * cx;
	// A quad that has turned over shows its back: something has folded, and nothing of it is to be seen.
	if (area <= 1e-6) {
		return;
	}
	const density = (mesh.spacing * mesh.spacing) / area;
	const minX = Math.max(field.left, Math.ceil(Math.min(ax, ax + bx, ax + cx) - 1e-6));
	const maxX = Math.min(field.left + field.width - 1, Math.floor(Math.max(ax, ax + bx, ax + cx) + 1e-6));
	const minY = Math.max(field.top, Math.ceil(Math.min(ay, ay + by, ay + cy) - 1e-6));
	const maxY = Math.min(field.top + field.height - 1, Math.floor(Math.max(ay, ay + by, ay + cy) + 1e-6));
	for (let y = minY; y <= maxY; y++) {
		for (let x = minX; x <= maxX; x++) {
			const beta = ((x - ax) * cy - (y - ay) * cx) / area;
			const gamma = (bx * (y - ay) - by * (x - ax)) / area;
			const alpha = 1 - beta - gamma;
			if (alpha < -1e-6 || beta < -1e-6 || gamma < -1e-6) {
				continue;
			}
			const pixel = (y - field.top) * field.width + x - field.left;
			field.x[pixel] = mix(mesh.x, a, b, c, alpha, beta, gamma);
			field.y[pixel] = mix(mesh.y, a, b, c, alpha, beta, gamma);
			field.density[pixel] = density;
			for (let k = 0; k < count; k++) {
				field.values[pixel * count + k] =
					alpha * carried[a * count + k]! + beta * carried[b * count + k]! + gamma * carried[c * count + k]!;
			}
		}
	}
};

const mix = (
	values: Float64Array,
	a: number,
	b: number,
	c: number,
	alpha: number,
	beta: number,
	gamma: number,
): number => alpha * values[a]! + beta * values[b]! + gamma * values[c]!;
