import type { BackwardFlow } from '../core/backward-flow.js';
import { cellsFromPixels, type GridSize } from '../core/size.js';
import {
	type CellDescriptors,
	cellDescriptors,
	normalised,
	similarityTo,
} from '../matching/cell-descriptors.js';
import type { DescribedImage } from '../matching/described-image.js';
import { DescriptorBank } from '../matching/descriptor-bank.js';
import { NearestMatcher } from '../matching/nearest-matcher.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
import {
	bestCellAround,
	descriptorPeak,
	type SubCellSettings,
	subCellSettings,
} from '../matching/sub-cell.js';
import type { Runtime } from '../runtime/session.js';
import { maskCells, type PairMasks } from './pair-masks.js';
import { type SmoothingSettings, smoothField, type VectorField } from './smooth-field.js';
import { upsampleField } from './upsample-field.js';

/** A cell that comes back this far from where it started (in cells) is trusted at 1/e. */
const CYCLE_TOLERANCE = 1.5;
/** Outside the mask of the target nothing is known, so nothing there is to pull at what is inside. */
const OUTSIDE_TRUST = 0;
/** The first smoothing finds the motion among wrong matches; the second keeps what the second search has found. */
const coarse: SmoothingSettings = { strength: 1, outlierDistance: 3 };
const fine: SmoothingSettings = { strength: 0.3, outlierDistance: 1.5 };
/** Radius of the second search around the smoothed field, in cells. */
export const SEARCH_RADIUS = 3;

/**
 * A smooth backward flow between cells, which keeps texture together: {@link matchField} enlarged to the target's
 * pixels.
 */
export const matchSmoothly = async (
	source: DescribedImage,
	target: DescribedImage,
	runtime: Runtime,
	masks: PairMasks = {},
): Promise<BackwardFlow> =>
	upsampleField(await matchField(source, target, runtime, masks), source, target, source.map, masks);

/**
 * Where every target cell is in the source, as offsets from its scaled position: nearest neighbours both ways; those
 * that do not come back to where they started lose trust; the field is smoothed inside objects; every cell is searched
 * again near where the smoothed field puts it and placed between cells; smoothed once more, lightly.
 */
export const matchField = async (
	source: DescribedImage,
	target: DescribedImage,
	runtime: Runtime,
	masks: PairMasks = {},
): Promise<VectorField> => {
	const [sourceUnit, targetUnit] = [source, target].map(({ map }) => normalised(cellDescriptors(map))) as [
		CellDescriptors,
		CellDescriptors,
	];
	const allowed = {
		source: masks.source && maskCells(masks.source, source, sourceUnit.grid),
		target: masks.target && maskCells(masks.target, target, targetUnit.grid),
	};
	const neighbours = neighbourSimilarity(targetUnit);
	const pair = { source: sourceUnit, target: targetUnit, temperature: neighbours.typicalDifference };
	const matched = await cycleMatches(source, target, runtime, allowed);
	const guess = smoothField(offsets(pair, matched.cells, matched.trust), neighbours, coarse);
	const found = searchAround(pair, guess, allowed.source);
	return smoothField(withTrust(found, matched.trust, guess), neighbours, fine);
};

type Pair = {
	readonly source: CellDescriptors;
	readonly target: CellDescriptors;
	readonly temperature: number;
};

/** Best source cell of every target cell, and how nearly it finds its way back. */
const cycleMatches = async (
	source: DescribedImage,
	target: DescribedImage,
	runtime: Runtime,
	allowed: { readonly source?: Uint8Array | undefined; readonly target?: Uint8Array | undefined },
): Promise<{ readonly cells: Int32Array; readonly trust: Float32Array }> => {
	const bank = new DescriptorBank(runtime);
	const matcher = await NearestMatcher.open(runtime);
	const [sourceRows, targetRows] = [await bank.add(source.map), await bank.add(target.map)];
	try {
		const there = await matcher.match(targetRows, sourceRows, allowed.source);
		const back = await matcher.match(sourceRows, targetRows, allowed.target);
		const { width } = targetRows.grid;
		const trust = Float32Array.from(there.indices, (sourceCell, cell) => {
			if (allowed.target?.[cell] === 0) {
				return OUTSIDE_TRUST;
			}
			const returned = back.indices[sourceCell]!;
			const dx = (returned % width) - (cell % width);
			const dy = Math.floor(returned / width) - Math.floor(cell / width);
			return Math.exp(-(dx * dx + dy * dy) / CYCLE_TOLERANCE ** 2);
		});
		return { cells: there.indices, trust };
	} finally {
		sourceRows.free();
		targetRows.free();
		await matcher.close();
		await bank.close();
	}
};

/** Where a target cell would be if the source were only scaled to the target's size: what offsets are counted from. */
const scaledCell = (cell: number, from: GridSize, to: GridSize): readonly [x: number, y: number] => [
	cellsFromPixels(cell % from.width, from.width, to.width),
	cellsFromPixels(Math.floor(cell / from.width), from.height, to.height),
];

const offsets = ({ source, target }: Pair, cells: Int32Array, trust: Float32Array): VectorField => {
	const field = {
		grid: target.grid,
		x: new Float32Array(cells.length),
		y: new Float32Array(cells.length),
		trust,
	};
	cells.forEach((sourceCell, cell) => {
		const [x, y] = scaledCell(cell, target.grid, source.grid);
		field.x[cell] = (sourceCell % source.grid.width) - x;
		field.y[cell] = Math.floor(sourceCell / source.grid.width) - y;
	});
	return field;
};

/** The most similar source cell near where the guess puts each target cell, placed between cells. */
const searchAround = (pair: Pair, guess: VectorField, allowed: Uint8Array | undefined): VectorField => {
	const { source, target } = pair;
	const { grid } = source;
	const field = { ...guess, x: guess.x.slice(), y: guess.y.slice() };
	const settings = subCellSettings(pair.temperature);
	for (let cell = 0; cell < field.x.length; cell++) {
		const [baseX, baseY] = scaledCell(cell, target.grid, grid);
		const centre = { row: Math.round(baseY + guess.y[cell]!), column: Math.round(baseX + guess.x[cell]!) };
		const from = cell * target.channels;
		const best = bestCellAround(grid, centre, SEARCH_RADIUS, (row, column) => {
			const at = row * grid.width + column;
			return allowed?.[at] === 0 ? Number.NEGATIVE_INFINITY : similarityTo(source, at, target.rows, from);
		});
		if (best === undefined) {
			continue; // The mask leaves nothing near; the guess stands.
		}
		const found = descriptorPeak(source, best, settings, target.rows, from);
		const bias = biasOf(target, cell, settings);
		field.x[cell] = found.x - bias.x - baseX;
		field.y[cell] = found.y - bias.y - baseY;
	}
	return field;
};

/** How far the estimate would miss the cell itself in its own image, because its surroundings are not symmetric. */
const biasOf = (
	cells: CellDescriptors,
	cell: number,
	settings: SubCellSettings,
): { readonly x: number; readonly y: number } => {
	const { grid, channels, rows } = cells;
	const [row, column] = [Math.floor(cell / grid.width), cell % grid.width];
	const peak = descriptorPeak(cells, { row, column }, settings, rows, cell * channels);
	return { x: peak.x - column, y: peak.y - row };
};

/** A match is as good as its way back, or, where the second search moved it, as the smoothed field thought. */
const withTrust = (found: VectorField, cycle: Float32Array, guess: VectorField): VectorField => ({
	...found,
	trust: cycle.map((trust, cell) => Math.max(trust * 0.5, guess.trust[cell]!)),
});
