import type { GridSize } from '../core/size.js';
import type { NeighbourSimilarity } from '../matching/neighbour-similarity.js';

/** A vector for every cell of the target's grid, in source cells. */
export type VectorField = {
	readonly grid: GridSize;
	/** [H * W] */
	readonly x: Float32Array;
	readonly y: Float32Array;
	/** [H * W] how far each vector is to be trusted, 0..1. */
	readonly trust: Float32Array;
};

export type SmoothingSettings = {
	/** Weight of a neighbour against a fully trusted vector's own. */
	readonly strength: number;
	/** A vector this far (in cells) from what its surroundings say counts half. */
	readonly outlierDistance: number;
};

/** Rounds of re-weighting, and sweeps in each: enough for the mean change to fall under 0.01 cell on 64 x 112 cells. */
const ROUNDS = 4;
const SWEEPS = 60;
/** Over-relaxation: Gauss-Seidel alone takes far more sweeps to fill large untrusted areas. */
const RELAXATION = 1.8;

/**
 * Smooths a field of matches: the vectors `v` that minimise
 * `sum trust |v - found|² + strength * sum w |v - v of each neighbour|²`, where neighbours with unlike descriptors
 * hardly bind each other (`w`), so the field may break at the edges of objects. Vectors that their surroundings
 * contradict lose their trust (iteratively re-weighted least squares with Cauchy weights).
 */
export const smoothField = (
	found: VectorField,
	{ right, below, typicalDifference }: NeighbourSimilarity,
	{ strength, outlierDistance }: SmoothingSettings,
): VectorField => {
	const { grid } = found;
	const { height, width } = grid;
	const bond = (similarity: number): number => strength * Math.exp((similarity - 1) / typicalDifference);
	const bondRight = right.map(bond);
	const bondBelow = below.map(bond);
	const x = found.x.slice();
	const y = found.y.slice();
	const trust = found.trust.slice();

	const relax = (cell: number): void => {
		const own = trust[cell]!;
		// A little of its own keeps a cell without trusted neighbours defined.
		let total = own + 1e-6;
		let sumX = total * found.x[cell]!;
		let sumY = total * found.y[cell]!;
		const pull = (other: number, weight: number): void => {
			total += weight;
			sumX += weight * x[other]!;
			sumY += weight * y[other]!;
		};
		const column = cell % width;
		if (column < width - 1) {
			pull(cell + 1, bondRight[cell]!);
		}
		if (column > 0) {
			pull(cell - 1, bondRight[cell - 1]!);
		}
		if (cell + width < height * width) {
			pull(cell + width, bondBelow[cell]!);
		}
		if (cell >= width) {
			pull(cell - width, bondBelow[cell - width]!);
		}
		x[cell]! += RELAXATION * (sumX / total - x[cell]!);
		y[cell]! += RELAXATION * (sumY / total - y[cell]!);
	};

	for (let round = 0; round < ROUNDS; round++) {
		for (let sweep = 0; sweep < SWEEPS; sweep++) {
			// To and fro, so that values travel both ways.
			for (let i = 0; i < height * width; i++) {
				relax(sweep % 2 === 0 ? i : height * width - 1 - i);
			}
		}
		for (let cell = 0; cell < height * width; cell++) {
			const distance = Math.hypot(x[cell]! - found.x[cell]!, y[cell]! - found.y[cell]!);
			trust[cell] = found.trust[cell]! / (1 + (distance / outlierDistance) ** 2);
		}
	}
	return { grid, x, y, trust };
};
