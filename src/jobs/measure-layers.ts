import type { DescriptorMap } from '../core/descriptor-map.js';
import { throwIfAborted } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import type { Point } from '../core/point.js';
import { cellsFromPixels, pixelsFromCells } from '../core/size.js';
import type { LayerScore } from '../evaluation/layer-plot.js';
import type { KeypointPair } from '../evaluation/pairs/keypoint-pair.js';
import { imageExtent, type PckPair, pck } from '../evaluation/pck.js';
import { type Inversion, openInversion } from '../features/inversion.js';
import { layerVisitor } from '../features/map-collector.js';
import { descriptorGrid } from '../features/preprocess.js';
import { type FeaturePlan, type MapChoice, planFeatures } from '../features/recipe.js';
import { inversionCalls } from '../features/schedule.js';
import { cellDescriptors, descriptorAt, normalised, similarityTo } from '../matching/cell-descriptors.js';
import { readImage } from '../media/image.js';
import { findModel } from '../models/registry.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { type KeypointDataset, keypointPairs } from './evaluate-pairs.js';

type LayersJob = RuntimeOptions & {
	readonly dataset: KeypointDataset;
	readonly root: string;
	readonly model?: string | undefined;
	readonly limit?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onPair?: ((done: number, total: number) => void) | undefined;
};

const ALPHA = 0.1;

/**
 * PCK of each raw feature map on its own (paper, sections 6.2 and 6.3): every layer at every saved timestep, matched
 * on the model's descriptor grid and scaled to the original image. Maps are matched as they come, one step at a time;
 * of the source only the points' descriptors are kept.
 */
export const measureLayers = async (job: LayersJob): Promise<LayerScore[]> => {
	const pairs = await keypointPairs(job.dataset, job.root, undefined, job.limit);
	const model = await findModel(job.model);
	const { schedule } = model.manifest;
	const plan = planFeatures(model.manifest, inversionCalls(schedule), {
		maps: 'all',
		// Named, so that maps of no weight are measured, too.
		steps: schedule.saveTimesteps,
		aggregation: 'concatenation',
	});
	const runtime = openRuntime({ device: job.device, threads: job.threads });
	try {
		const inversion = await openInversion(model, runtime, { layers: true });
		const results = new Map<MapChoice, PckPair[]>(plan.concatenated.map((choice) => [choice, []]));
		for (const [done, pair] of pairs.entries()) {
			throwIfAborted(job.signal);
			for (const [choice, result] of await matchLayers(pair, inversion, plan)) {
				results.get(choice)?.push(result);
			}
			job.onPair?.(done + 1, pairs.length);
		}
		return [...results].map(([{ saveKey, layer }, list]) => ({
			layer: layer + 1,
			timestep: schedule.steps - 1 - saveKey,
			pck: pck(list, ALPHA).perPoint,
		}));
	} finally {
		await runtime.close();
	}
};

const matchLayers = async (
	{ source, target }: KeypointPair,
	inversion: Inversion,
	plan: FeaturePlan,
): Promise<Map<MapChoice, PckPair>> => {
	const visit = (image: Raster<3>, visitor: (choice: MapChoice, map: DescriptorMap) => void) =>
		inversion.follow(
			image,
			plan.calls,
			layerVisitor(inversion.manifest, plan, descriptorGrid(image, inversion.manifest), visitor),
		);
	const [from, to] = [await readImage(source.path), await readImage(target.path)];
	const queries = new Map<MapChoice, Float32Array[]>();
	await visit(from, (choice, map) => {
		queries.set(choice, descriptorsAt(map, from, source.points));
	});
	const results = new Map<MapChoice, PckPair>();
	await visit(to, (choice, map) => {
		const predicted = nearestCells(map, to, queries.get(choice) ?? []);
		results.set(choice, { predicted, truth: target.points, extent: imageExtent(to) });
	});
	return results;
};

const descriptorsAt = (map: DescriptorMap, image: Raster<3>, points: readonly Point[]): Float32Array[] => {
	const cells = cellDescriptors(map);
	return points.map(([x, y]) =>
		descriptorAt(
			cells,
			cellsFromPixels(x, image.width, map.width),
			cellsFromPixels(y, image.height, map.height),
		),
	);
};

const nearestCells = (map: DescriptorMap, image: Raster<3>, queries: readonly Float32Array[]): Point[] => {
	const cells = normalised(cellDescriptors(map));
	return queries.map((query) => {
		let best = { cell: 0, similarity: Number.NEGATIVE_INFINITY };
		for (let cell = 0; cell < map.height * map.width; cell++) {
			const similarity = similarityTo(cells, cell, query);
			if (similarity > best.similarity) {
				best = { cell, similarity };
			}
		}
		return [
			pixelsFromCells(best.cell % map.width, image.width, map.width),
			pixelsFromCells(Math.floor(best.cell / map.width), image.height, map.height),
		];
	});
};
