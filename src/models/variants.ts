import type { Manifest } from './manifest.js';
import type { InstalledModel } from './model-folder.js';

/** The layer and saved step that weigh most (paper, section 4.2). */
export const heaviestFeature = ({
	mixingWeights,
	schedule,
}: Manifest): { readonly step: number; readonly layer: number } => {
	const all = mixingWeights.flatMap((row, index) =>
		row.map((weight, layer) => ({ weight, layer, step: schedule.saveTimesteps[index] ?? 0 })),
	);
	return all.reduce((best, next) => (next.weight > best.weight ? next : best));
};

const withWeights = (
	model: InstalledModel,
	weightOf: (weight: number, step: number, layer: number) => number,
): InstalledModel => {
	const { manifest } = model;
	return {
		...model,
		manifest: {
			...manifest,
			mixingWeights: manifest.mixingWeights.map((row, index) =>
				row.map((weight, layer) => weightOf(weight, manifest.schedule.saveTimesteps[index] ?? 0, layer)),
			),
		},
	};
};

/** The model with its heaviest feature only, behind its bottleneck (Ours-Pruned in the paper's table 1). */
export const prunedToHeaviest = (model: InstalledModel): InstalledModel => {
	const heaviest = heaviestFeature(model.manifest);
	return withWeights(model, (_, step, layer) => (step === heaviest.step && layer === heaviest.layer ? 1 : 0));
};

/** The model stopped after so many inversion steps (the paper's table 2). */
export const stoppedAfter = (model: InstalledModel, steps: number): InstalledModel => {
	const first = model.manifest.schedule.steps - steps;
	return withWeights(model, (weight, step) => (step >= first ? weight : 0));
};
