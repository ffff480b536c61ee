import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../../core/errors.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	positiveInteger,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type GenerateOptions = ModelOptions &
	ReportOptions & {
		readonly output?: string;
		readonly features?: string;
		readonly latent?: string;
		readonly negative: string;
		readonly guidance: number;
		readonly steps?: number;
		readonly seed: number;
		readonly noise?: string;
		readonly preset?: string;
		readonly overwrite?: boolean;
	};

const finite = (text: string): number => {
	const value = Number(text);
	if (text.trim() === '' || !Number.isFinite(value)) {
		throw new InvalidArgumentError('Expected a number.');
	}
	return value;
};

export const registerGenerate = (program: Command): void => {
	withReportOptions(
		withModelOptions(
			program
				.command('generate')
				.description(
					'makes an image, from a prompt or of itself, and the hyperfeatures of its own generation',
				)
				.argument('[prompt]', 'what to show; left out for models that know no prompts', '')
				.option('-o, --output <png>', 'write the image', oneOutput)
				.option('--features <npy>', 'write its hyperfeatures, float32 [N, C, H, W], as aggregated')
				.option('--latent <npy>', 'write the clean sample before decoding')
				.option('--negative <prompt>', 'what to lead the image away from', '')
				.option('--guidance <scale>', 'scale of classifier-free guidance; 1 for none', finite, 7.5)
				.option('--steps <n>', 'steps that a one-step model takes (others have their own)', positiveInteger)
				.option('--seed <n>', 'seed of the noise', finite, 0)
				.option('--noise <npy>', 'noise [N, C, h, w] instead of a seed; makes N images')
				.addOption(presetOption())
				.addOption(overwriteOption()),
		),
	).action(async (prompt: string, options: GenerateOptions) => {
		if (options.output === undefined && options.features === undefined && options.latent === undefined) {
			throw new UserError('Nothing to write; give -o <png>, --features <npy> or both.');
		}
		const { generateImages } = await import('../../jobs/generate-images.js');
		const reporter = new Reporter(options);
		const outputs = await generateImages({
			...options,
			prompt,
			negativePrompt: options.negative,
			image: options.output,
			signal: cancelOnInterrupt(),
			onStep: (done, total) => reporter.progress({ done, total }, 'steps'),
		});
		reporter.end();
		reporter.record({ type: 'done', outputs });
		for (const output of outputs) {
			reporter.line(`wrote ${output}`);
		}
	});
};
