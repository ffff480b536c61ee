import { type CellDescriptors, similarityTo } from './cell-descriptors.js';

/** How alike each cell and its right and lower neighbours are: where these are unlike, an edge of an object runs. */
export type NeighbourSimilarity = {
	/** [cells] cosine similarity to the cell on the right; 0 in the last column. */
	readonly right: Float32Array;
	/** [cells] to the cell below; 0 in the last row. */
	readonly below: Float32Array;
	/** Mean of 1 - similarity: the unit in which this map's similarities differ. Models' scales are far apart. */
	readonly typicalDifference: number;
};

/** @param unit descriptors of length 1 */
export const neighbourSimilarity = (unit: CellDescriptors): NeighbourSimilarity => {
	const { grid, channels, rows } = unit;
	const { height, width } = grid;
	const right = new Float32Array(height * width);
	const below = new Float32Array(height * width);
	let [sum, count] = [0, 0];
	const compare = (cell: number, other: number): number => {
		const similarity = similarityTo(unit, cell, rows, other * channels);
		sum += 1 - similarity;
		count++;
		return similarity;
	};
	for (let cell = 0; cell < height * width; cell++) {
		if (cell % width < width - 1) {
			right[cell] = compare(cell, cell + 1);
		}
		if (cell + width < height * width) {
			below[cell] = compare(cell, cell + width);
		}
	}
	return { right, below, typicalDifference: Math.max(sum / Math.max(count, 1), 1e-6) };
};
