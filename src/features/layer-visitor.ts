import { resizeBilinear } from '../core/bilinear.js';
import type { DescriptorMap } from '../core/descriptor-map.js';
import type { Manifest } from '../models/manifest.js';
import type { StepCollector } from './inversion.js';
import type { FeaturePlan, MapChoice } from './recipe.js';

/**
 * Hands over each of a plan's layers as it comes, on one grid: a step's maps are held at a time, never those of all
 * steps. Resizing is bilinear, as the published code resizes its features.
 */
export const layerVisitor = (
	{ taps }: Manifest,
	{ concatenated }: FeaturePlan,
	{ height, width }: { readonly height: number; readonly width: number },
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
