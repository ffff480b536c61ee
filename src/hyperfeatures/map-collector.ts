import type { Manifest } from '../models/manifest.js';
import type { Float32Tensor } from '../runtime/tensor.js';
import { resizeBilinear } from './bilinear.js';
import type { DescriptorMap } from './descriptor-map.js';
import { DescriptorSum } from './descriptor-sum.js';
import type { FeaturePlan } from './recipe.js';
import type { StepRequest, StepResult } from './step-network.js';

/**
 * Gathers one image's descriptor map over the steps: the network's partial sums are added up in place, or, for
 * recipes that concatenate, the wanted layers are kept and resized to the output grid in the end.
 */
export class MapCollector {
	readonly #manifest: Manifest;
	readonly #plan: FeaturePlan;
	readonly #sum = new DescriptorSum();
	/** Position in `plan.concatenated` -> [1, channels, h, w] on the layer's own grid. */
	readonly #maps = new Map<number, Float32Tensor>();

	constructor(manifest: Manifest, plan: FeaturePlan) {
		this.#manifest = manifest;
		this.#plan = plan;
	}

	/** What the step that is saved as `saveKey` has to give out. */
	wanted(saveKey: number): Pick<StepRequest, 'layerWeights' | 'tapOutputs'> {
		return {
			layerWeights: this.#plan.layerWeights.get(saveKey),
			tapOutputs: this.#choices(saveKey).map(({ layer }) => this.#manifest.taps[layer]?.output ?? ''),
		};
	}

	add(saveKey: number, { hyperfeatures, taps }: StepResult): void {
		if (hyperfeatures !== undefined) {
			this.#sum.add(hyperfeatures);
		}
		for (const [i, { position }] of this.#choices(saveKey).entries()) {
			const tap = taps[i];
			if (tap === undefined) {
				throw new Error(`The step ${saveKey} gave out ${taps.length} layers.`);
			}
			this.#maps.set(position, tap);
		}
	}

	finish(): DescriptorMap {
		if (this.#plan.concatenated.length === 0) {
			return this.#sum.toMap();
		}
		const maps = [...this.#maps.entries()].sort(([a], [b]) => a - b).map(([, map]) => map);
		const channels = maps.reduce((sum, { dims }) => sum + (dims[1] ?? 0), 0);
		const { height, width } = this.#grid(maps);
		const data = new Float32Array(channels * height * width);
		let offset = 0;
		for (const map of maps) {
			const [, planes = 0, mapHeight = 0, mapWidth = 0] = map.dims;
			const resized = resizeBilinear(map.data, planes, mapHeight, mapWidth, height, width);
			data.set(resized, offset);
			offset += resized.length;
		}
		return { channels, height, width, data };
	}

	/** The layers wanted of a step, with their places in the concatenation. */
	#choices(saveKey: number): { layer: number; position: number }[] {
		return this.#plan.concatenated.flatMap((choice, position) =>
			choice.saveKey === saveKey ? [{ layer: choice.layer, position }] : [],
		);
	}

	/** With a grid that follows the image, the layers are brought to the largest one's. */
	#grid(maps: readonly Float32Tensor[]): { height: number; width: number } {
		const { grid } = this.#manifest.descriptor;
		return grid.mode === 'fixed'
			? grid
			: {
					height: Math.max(...maps.map(({ dims }) => dims[2] ?? 0)),
					width: Math.max(...maps.map(({ dims }) => dims[3] ?? 0)),
				};
	}
}
