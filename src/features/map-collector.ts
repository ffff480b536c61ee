import type { DescriptorMap } from '../core/descriptor-map.js';
import type { Manifest } from '../models/manifest.js';
import { DescriptorSum } from './descriptor-sum.js';
import type { StepCollector } from './inversion.js';
import { layerVisitor } from './layer-visitor.js';
import type { FeaturePlan, MapChoice } from './recipe.js';

/** Gathers one image's descriptor map over the steps. */
export type MapCollector = StepCollector & { finish(): DescriptorMap };

/**
 * The collector of a plan: the network's partial sums are added up in place, or, for recipes that concatenate, the
 * wanted layers are brought to the output grid and kept.
 *
 * @param grid size of the map; of sums the graph itself makes maps of that size
 */
export const mapCollector = (
	manifest: Manifest,
	plan: FeaturePlan,
	grid: { readonly height: number; readonly width: number },
): MapCollector => (plan.concatenated.length === 0 ? summing(plan) : concatenating(manifest, plan, grid));

const summing = ({ layerWeights }: FeaturePlan): MapCollector => {
	const sum = new DescriptorSum();
	return {
		wanted: (saveKey) => ({ layerWeights: layerWeights.get(saveKey) }),
		add: (_, { hyperfeatures }) => {
			if (hyperfeatures !== undefined) {
				sum.add(hyperfeatures);
			}
		},
		finish: () => sum.toMap(),
	};
};

const concatenating = (
	manifest: Manifest,
	plan: FeaturePlan,
	grid: { readonly height: number; readonly width: number },
): MapCollector => {
	const kept = new Map<MapChoice, DescriptorMap>();
	return {
		...layerVisitor(manifest, plan, grid, (choice, map) => kept.set(choice, map)),
		finish: () => {
			// In the plan's order, which is not that in which generation comes by the steps.
			const maps = plan.concatenated.flatMap((choice) => kept.get(choice) ?? []);
			const channels = maps.reduce((sum, map) => sum + map.channels, 0);
			const data = new Float32Array(channels * grid.height * grid.width);
			let offset = 0;
			for (const map of maps) {
				data.set(map.data, offset);
				offset += map.data.length;
			}
			return { channels, height: grid.height, width: grid.width, data };
		},
	};
};
