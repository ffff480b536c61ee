import { describe, expect, it } from 'vitest';
import {
	type FeaturePlan,
	type FeatureRecipe,
	featureRecipeSchema,
	heaviestMap,
	planFeatures,
} from '../../src/features/recipe.js';
import { inversionCalls } from '../../src/features/schedule.js';
import type { Manifest } from '../../src/models/manifest.js';

/** Two layers; of 50 steps the clean end, the fifth call and the last are saved. */
const manifest = {
	name: 'two-layers',
	taps: [{}, {}],
	schedule: {
		...{ trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' },
		...{ steps: 50, saveTimesteps: [49, 45, 0] },
	},
	mixingWeights: [
		[0.1, 0.2],
		[0.4, 0.05],
		[0.05, 0.2],
	],
} as unknown as Manifest;

const plan = (recipe: Partial<FeatureRecipe>): FeaturePlan =>
	planFeatures(manifest, inversionCalls(manifest.schedule), featureRecipeSchema.parse(recipe));

describe('a recipe of features', () => {
	it('takes the whole model when it says nothing', () => {
		const { calls, layerWeights } = plan({});
		expect(calls).toHaveLength(50);
		expect([...layerWeights]).toEqual([
			[49, [0.1, 0.2]],
			[45, [0.4, 0.05]],
			[0, [0.05, 0.2]],
		]);
	});

	it('prunes to the layer and step that weigh most, not faded to its share', () => {
		expect(heaviestMap(manifest)).toMatchObject({ saveKey: 45, layer: 0 });
		const { calls, layerWeights } = plan({ maps: 'best' });
		expect(calls).toHaveLength(5);
		expect([...layerWeights]).toEqual([[45, [1, 0]]]);
	});

	it('stops after some calls, with the same weights', () => {
		expect([...plan({ stopAfter: 10 }).layerWeights.keys()]).toEqual([49, 45]);
		// The calls from the fifth saved step on would add nothing.
		expect(plan({ stopAfter: 10 }).calls).toHaveLength(5);
		expect([...plan({ stopAfter: 1 }).layerWeights]).toEqual([[49, [0.1, 0.2]]]);
	});

	it('puts the layers of the clean image one after the other', () => {
		const { calls, concatenated } = plan({ stopAfter: 1, aggregation: 'concatenation' });
		expect(calls).toHaveLength(1);
		expect(concatenated).toEqual([
			{ saveKey: 49, layer: 0 },
			{ saveKey: 49, layer: 1 },
		]);
	});

	it('says what the model does not have', () => {
		expect(() => plan({ layers: [3] })).toThrow(/has 2 layers, so there is no layer 3/);
		expect(() => plan({ steps: [7] })).toThrow(/does not save step 7; it saves 49, 45, 0/);
	});
});
