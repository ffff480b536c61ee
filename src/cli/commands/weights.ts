import type { Command } from 'commander';
import { requireFree } from '../../core/atomic-file.js';
import { overwriteOption, type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

type WeightsOptions = ReportOptions & {
	readonly model?: string;
	readonly heatmap?: string;
	readonly overwrite?: boolean;
};

export const registerWeights = (program: Command): void => {
	withReportOptions(
		program
			.command('weights')
			.description("a model's mixing weights: how much each layer counts at each timestep")
			.option('--model <name|folder>', 'model to show (default: the bundled one)')
			.option('--heatmap <image>', 'write them as a picture (.png, .svg): layers by timesteps')
			.addOption(overwriteOption()),
	).action(async (options: WeightsOptions) => {
		const { findModel } = await import('../../models/registry.js');
		const { manifest } = await findModel(options.model);
		const { taps, mixingWeights, schedule } = manifest;
		const reporter = new Reporter(options);
		if (options.heatmap !== undefined) {
			const { weightsHeatmap } = await import('../../models/weights-heatmap.js');
			const { requireDrawingName, writeDrawing } = await import('../../output/drawing.js');
			requireDrawingName(options.heatmap);
			await requireFree([options.heatmap], options.overwrite);
			await writeDrawing(options.heatmap, weightsHeatmap(manifest));
		}
		reporter.record({
			layers: taps.map((tap) => tap.name),
			saveTimesteps: schedule.saveTimesteps,
			weights: mixingWeights,
		});
		const entries = mixingWeights.flatMap((row, step) =>
			row.map((weight, layer) => ({
				weight,
				step: schedule.saveTimesteps[step],
				layer: taps[layer]?.name,
			})),
		);
		for (const { weight, step, layer } of entries.sort((a, b) => b.weight - a.weight)) {
			reporter.print(`${weight.toFixed(4)}  step ${String(step).padEnd(3)} ${layer}`);
		}
		if (options.heatmap !== undefined) {
			reporter.line(`wrote ${options.heatmap}`);
		}
	});
};
