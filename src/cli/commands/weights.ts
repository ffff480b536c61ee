import type { Command } from 'commander';

type WeightsOptions = {
	readonly model?: string;
	readonly heatmap?: string;
	readonly overwrite?: boolean;
	readonly json?: boolean;
};

export const registerWeights = (program: Command): void => {
	program
		.command('weights')
		.description("a model's mixing weights: how much each layer counts at each timestep")
		.option('--model <name|folder>', 'model to show (default: the bundled one)')
		.option('--heatmap <png>', 'write them as a picture (.png, .svg): layers by timesteps')
		.option('--overwrite', 'replace a picture that exists')
		.option('--json', 'as JSON')
		.action(async (options: WeightsOptions) => {
			const { findModel } = await import('../../models/registry.js');
			const { manifest } = await findModel(options.model);
			const { taps, mixingWeights, schedule } = manifest;
			if (options.heatmap !== undefined) {
				const { weightsHeatmap } = await import('../../models/weights-heatmap.js');
				const { writeDrawing } = await import('../../media/drawing.js');
				const { requireFree } = await import('../../jobs/pair-inputs.js');
				requireFree([options.heatmap], options.overwrite);
				await writeDrawing(options.heatmap, weightsHeatmap(manifest));
			}
			if (options.json) {
				const layers = taps.map((tap) => tap.name);
				const record = { layers, saveTimesteps: schedule.saveTimesteps, weights: mixingWeights };
				process.stdout.write(`${JSON.stringify(record)}\n`);
				return;
			}
			const entries = mixingWeights.flatMap((row, step) =>
				row.map((weight, layer) => ({
					weight,
					step: schedule.saveTimesteps[step],
					layer: taps[layer]?.name,
				})),
			);
			for (const { weight, step, layer } of entries.sort((a, b) => b.weight - a.weight)) {
				process.stdout.write(`${weight.toFixed(4)}  step ${String(step).padEnd(3)} ${layer}\n`);
			}
		});
};
