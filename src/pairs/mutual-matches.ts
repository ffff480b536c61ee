import { pixelsFromCells } from '../core/size.js';
import { cellDescriptors, normalised } from '../matching/cell-descriptors.js';
import type { DescribedImage } from '../matching/described-image.js';
import { DescriptorBank } from '../matching/descriptor-bank.js';
import { NearestMatcher } from '../matching/nearest-matcher.js';
import type { Runtime } from '../runtime/session.js';
import { kMeans } from './k-means.js';
import { matchPoints, type PointMatch } from './match-points.js';
import { maskCells, type PairMasks } from './pair-masks.js';

/** k-means starts from this, so that the same pair always gives the same points. */
const SEED = 0;

/**
 * Finds points on its own: cells that are each other's nearest neighbour, and of these `count` different ones, as the
 * released code does it (`find_best_buddies_correspondences`): k-means over both cells' descriptors, one match of
 * every cluster. Without a saliency map it is the most similar one that is taken; masks do what its threshold does.
 *
 * @returns at most `count` matches, most similar first
 */
export const mutualMatches = async (
	source: DescribedImage,
	target: DescribedImage,
	count: number,
	runtime: Runtime,
	masks: PairMasks = {},
): Promise<PointMatch[]> => {
	const pairs = await mutualCells(source, target, runtime, masks);
	const chosen = await oneOfEachCluster(source, target, pairs, count);
	const { width, height } = source.map;
	const points = chosen.map(
		({ source: cell }) =>
			[
				pixelsFromCells(cell % width, source.width, width),
				pixelsFromCells(Math.floor(cell / width), source.height, height),
			] as const,
	);
	return matchPoints(source, target, points, { masks }).sort((a, b) => b.score - a.score);
};

type CellPair = { readonly source: number; readonly target: number; readonly similarity: number };

const mutualCells = async (
	source: DescribedImage,
	target: DescribedImage,
	runtime: Runtime,
	masks: PairMasks,
): Promise<CellPair[]> => {
	const allowedSource = masks.source && maskCells(masks.source, source, source.map);
	const allowedTarget = masks.target && maskCells(masks.target, target, target.map);
	const bank = new DescriptorBank(runtime);
	const matcher = await NearestMatcher.open(runtime);
	const [sourceRows, targetRows] = [await bank.add(source.map), await bank.add(target.map)];
	try {
		const there = await matcher.match(sourceRows, targetRows, allowedTarget);
		const back = await matcher.match(targetRows, sourceRows, allowedSource);
		return Array.from(there.indices, (cell, index) => ({
			source: index,
			target: cell,
			similarity: there.similarities[index]!,
		})).filter((pair) => allowedSource?.[pair.source] !== 0 && back.indices[pair.target] === pair.source);
	} finally {
		sourceRows.free();
		targetRows.free();
		await matcher.close();
		await bank.close();
	}
};

const oneOfEachCluster = async (
	source: DescribedImage,
	target: DescribedImage,
	pairs: readonly CellPair[],
	count: number,
): Promise<CellPair[]> => {
	if (pairs.length <= count) {
		return [...pairs];
	}
	const [from, to] = [source, target].map(({ map }) => normalised(cellDescriptors(map)));
	const { channels } = source.map;
	const descriptors = pairs.map((pair) =>
		Float32Array.of(
			...(from?.rows.subarray(pair.source * channels, (pair.source + 1) * channels) ?? []),
			...(to?.rows.subarray(pair.target * channels, (pair.target + 1) * channels) ?? []),
		),
	);
	const clusters = kMeans(descriptors, count, SEED);
	const best = new Map<number, CellPair>();
	clusters.forEach((cluster, index) => {
		const pair = pairs[index]!;
		if (pair.similarity > (best.get(cluster)?.similarity ?? Number.NEGATIVE_INFINITY)) {
			best.set(cluster, pair);
		}
	});
	return [...best.values()];
};
