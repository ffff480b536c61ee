import { dilate } from '../core/binary-raster.js';

/**
 * Points in the first frame, on a regular grid, that carry what is around them: it is enough to know where each of them
 * goes. Coordinates are pixels of the first frame, centres at integers.
 */
export type Mesh = {
	/** Distance of neighbours in pixels. */
	readonly spacing: number;
	readonly x: Float64Array;
	readonly y: Float64Array;
	/** 0..1: how much of the surroundings shows the object that moves; 0 for points that only follow the others. */
	readonly evidence: Float64Array;
	/** [points] the neighbours of each. */
	readonly neighbours: readonly (readonly number[])[];
	/** Top left, top right, bottom left and bottom right points of the quads that are drawn. */
	readonly quads: readonly (readonly [number, number, number, number])[];
	/** Middle of the points and half their extent: the units of a motion model. */
	readonly centre: { readonly x: number; readonly y: number };
	readonly extent: number;
};

/** What a mesh is laid over. */
export type MeshArea = {
	/** [height * width] 1 where something is to be carried. */
	readonly support: Uint8Array;
	/** [height * width] 1 where the first frame shows what it lies on: where its motion can be seen. */
	readonly evidence: Uint8Array;
};

/** Points across the frame's short side: finer follows more, coarser is steadier. */
const POINTS_ACROSS = 32;
const SMALLEST_SPACING = 6;
/** A large area gets a coarser mesh, so that a frame's cost is bounded. */
const MOST_POINTS = 1500;

export const meshOf = (area: MeshArea, width: number, height: number): Mesh => {
	let spacing = Math.max(SMALLEST_SPACING, Math.min(width, height) / POINTS_ACROSS);
	for (;;) {
		const mesh = buildMesh(area, width, height, spacing);
		if (mesh.x.length <= MOST_POINTS) {
			return mesh;
		}
		spacing *= Math.sqrt(mesh.x.length / MOST_POINTS) * 1.05;
	}
};

const buildMesh = (area: MeshArea, width: number, height: number, spacing: number): Mesh => {
	const columns = Math.ceil(width / spacing) + 1;
	const rows = Math.ceil(height / spacing) + 1;
	// Quads reach a little beyond what is drawn, so that sampling never meets the mesh's edge.
	const grown = dilate(area.support, width, height, 2);
	const touched = new Uint8Array(columns * rows);
	for (let y = 0; y < height; y++) {
		const row = Math.floor((y + 0.5) / spacing);
		for (let x = 0; x < width; x++) {
			if (grown[y * width + x] === 1) {
				touched[row * columns + Math.floor((x + 0.5) / spacing)] = 1;
			}
		}
	}
	const indexOf = new Int32Array(columns * rows).fill(-1);
	const xs: number[] = [];
	const ys: number[] = [];
	const pointAt = (column: number, row: number): number => {
		const at = row * columns + column;
		if (indexOf[at]! < 0) {
			indexOf[at] = xs.length;
			xs.push(column * spacing - 0.5);
			ys.push(row * spacing - 0.5);
		}
		return indexOf[at]!;
	};
	const quads: (readonly [number, number, number, number])[] = [];
	const links = new Map<string, readonly [number, number]>();
	const link = (a: number, b: number): void => {
		links.set(`${a}-${b}`, [a, b]);
	};
	for (let row = 0; row < rows - 1; row++) {
		for (let column = 0; column < columns - 1; column++) {
			if (touched[row * columns + column] === 1) {
				const corners = [
					pointAt(column, row),
					pointAt(column + 1, row),
					pointAt(column, row + 1),
					pointAt(column + 1, row + 1),
				] as const;
				quads.push(corners);
				link(corners[0], corners[1]);
				link(corners[2], corners[3]);
				link(corners[0], corners[2]);
				link(corners[1], corners[3]);
			}
		}
	}
	const x = Float64Array.from(xs);
	const y = Float64Array.from(ys);
	const centre = { x: middle(x), y: middle(y) };
	const neighbours: number[][] = xs.map(() => []);
	for (const [a, b] of links.values()) {
		neighbours[a]?.push(b);
		neighbours[b]?.push(a);
	}
	return {
		spacing,
		x,
		y,
		evidence: Float64Array.from(xs, (_, i) => evidenceAt(area, width, height, xs[i]!, ys[i]!, spacing)),
		neighbours,
		quads,
		centre,
		extent: Math.max(
			spacing,
			x.reduce((most, value) => Math.max(most, Math.abs(value - centre.x)), 0),
			y.reduce((most, value) => Math.max(most, Math.abs(value - centre.y)), 0),
		),
	};
};

const middle = (values: Float64Array): number => {
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (const value of values) {
		low = Math.min(low, value);
		high = Math.max(high, value);
	}
	return (low + high) / 2;
};

/** The share of evidence in the square of one spacing around a point. */
const evidenceAt = (
	{ evidence }: MeshArea,
	width: number,
	height: number,
	x: number,
	y: number,
	spacing: number,
): number => {
	const reach = Math.round(spacing / 2);
	let sum = 0;
	let count = 0;
	for (let py = Math.round(y) - reach; py <= Math.round(y) + reach; py++) {
		for (let px = Math.round(x) - reach; px <= Math.round(x) + reach; px++) {
			count++;
			if (px >= 0 && py >= 0 && px < width && py < height) {
				sum += evidence[py * width + px]!;
			}
		}
	}
	return sum / count;
};
