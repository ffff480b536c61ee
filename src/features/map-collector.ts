import { resizeBilinear } from '../core/bilinear.js';
import type { DescriptorMap } from '../core/descriptor-map.js';
import type { GridSize } from '../core/size.js';
import type { Manifest } from '../models/manifest.js';
import type { Float32Tensor } from '../runtime/tensor.js';
import type { StepCollector } from './inversion.js';
import type { FeaturePlan, MapChoice } from './recipe.js';

/** Gathers one image's descriptor map over the steps. */
type MapCollector = StepCollector & { finish(): DescriptorMap };

/**
 * The collector of a plan: the network's partial sums are added up in place, or, for recipes that concatenate, the
 * wanted layers are brought to the output grid and kept.
 *
 * @param grid size of the map; of sums the graph itself makes maps of that size
 */
export const mapCollector = (manifest: Manifest, plan: FeaturePlan, grid: GridSize): MapCollector =>
	plan.concatenated.length === 0 ? summing(plan) : concatenating(manifest, plan, grid);

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

const concatenating = (manifest: Manifest, plan: FeaturePlan, grid: GridSize): MapCollector => {
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

/** Adds up the steps' partial sums in place, so that one descriptor map is held however many steps there are. */
export class DescriptorSum {
	#dims: readonly number[] = [];
	#data: Float32Array = new Float32Array(0);

	/** @param partial [1, C, h, w], the same shape each time */
	add(partial: Float32Tensor): void {
		if (this.#data.length === 0) {
			this.#data = partial.data;
			this.#dims = partial.dims;
			return;
		}
		if (partial.dims.join() !== this.#dims.join()) {
			throw new Error(`Partial sums of different shapes: [${this.#dims}] and [${partial.dims}].`);
		}
		const data = this.#data;
		for (let i = 0; i < data.length; i++) {
			data[i]! += partial.data[i]!;
		}
	}

	toMap(): DescriptorMap {
		const [, channels = 0, height = 0, width = 0] = this.#dims;
		return { channels, height, width, data: this.#data };
	}
}

/**
 * Hands over each of a plan's layers as it comes, on one grid: a step's maps are held at a time, never those of all
 * steps. Resizing is bilinear, as the published code resizes its features.
 */
export const layerVisitor = (
	{ taps }: Manifest,
	{ concatenated }: FeaturePlan,
	{ height, width }: GridSize,
	visit: (choice: MapChoice, map: DescriptorMap) => void,
): StepCollector => {
	const choicesAt = (saveKey: number) => concatenated.filter((choice) => choice.saveKey === saveKey);
	return {
		wanted: (saveKey) => ({
			layerWeights: undefined,
			tapOutputs: choicesAt(saveKey).map(({ layer }) => taps[layer]?.output ?? ''),
		}),
		add: (saveKey, step) => {
			for (const [i, choice] of choicesAt(saveKey).entries()) {
				const tap = step.taps[i];
				if (tap === undefined) {
					throw new Error(`The step ${saveKey} gave out ${step.taps.length} layers.`);
				}
				const [, channels = 0, ownHeight = 0, ownWidth = 0] = tap.dims;
				const data = resizeBilinear(tap.data, channels, ownHeight, ownWidth, height, width);
				visit(choice, { channels, height, width, data });
			}
		},
	};
};
