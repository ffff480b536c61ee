import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { cancelOnInterrupt } from '../cancellation.js';
import { positiveInteger, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

type ImportFlags = {
	readonly unet?: string;
	readonly vaeEncoder?: string;
	readonly aggregation?: string;
	readonly grid?: number;
	readonly name: string;
	readonly emptyPrompt?: string;
	readonly license?: string;
	readonly overwrite?: boolean;
	readonly json?: boolean;
	readonly quiet?: boolean;
};

const listCommand = (models: Command): void => {
	models
		.command('list')
		.description('the models on this machine')
		.option('--json', 'as JSON')
		.action(async (options: { json?: boolean }) => {
			const { listModels } = await import('../../models/registry.js');
			const found = await listModels();
			if (options.json) {
				const records = found.map((model) =>
					'manifest' in model
						? { name: model.manifest.name, folder: model.folder, description: model.manifest.description }
						: { folder: model.folder, error: model.error.message },
				);
				process.stdout.write(`${JSON.stringify(records)}\n`);
				return;
			}
			for (const model of found) {
				process.stdout.write(
					'manifest' in model
						? `${model.manifest.name.padEnd(18)} ${model.manifest.description}\n`
						: `(broken)           ${model.error.message}\n`,
				);
			}
		});
};

const infoCommand = (models: Command): void => {
	models
		.command('info')
		.description("a model's manifest and folder")
		.argument('[name|folder]')
		.action(async (name: string | undefined) => {
			const { findModel } = await import('../../models/registry.js');
			const { folder, manifest } = await findModel(name);
			process.stdout.write(`${JSON.stringify({ folder, ...manifest }, undefined, '\t')}\n`);
		});
};

const verifyCommand = (models: Command): void => {
	models
		.command('verify')
		.description("compares a model's files with their recorded sizes and checksums")
		.argument('[name|folder]')
		.action(async (name: string | undefined) => {
			const { findModel } = await import('../../models/registry.js');
			const { verifyModel } = await import('../../models/verify.js');
			const model = await findModel(name);
			const wrong: string[] = [];
			for await (const { file, result } of verifyModel(model, cancelOnInterrupt())) {
				process.stdout.write(`${result.padEnd(14)} ${file}\n`);
				if (result !== 'ok') {
					wrong.push(file);
				}
			}
			if (wrong.length > 0) {
				throw new UserError(
					`The model "${model.manifest.name}" is damaged (${wrong.join(', ')}); import or pull it again.`,
				);
			}
		});
};

const importCommand = (models: Command): void => {
	withReportOptions(
		models
			.command('import')
			.description(
				'makes a model from an ONNX export of Stable Diffusion and aggregation weights of the paper',
			)
			.argument('<export folder>', "in the layout of diffusers or Optimum; it isn't changed")
			.option(
				'--aggregation <file>',
				'aggregation weights, .pt or .safetensors; without them only the layers themselves can be used',
			)
			.requiredOption('--name <name>', 'name of the new model')
			.option('--unet <file>', "UNet to use instead of the folder's")
			.option('--vae-encoder <file>', "VAE encoder to use instead of the folder's")
			.option('--empty-prompt <npy>', "the empty prompt's embedding, for exports without a text encoder")
			.option('--grid <side>', "side of the descriptor grid (default: the weights' own)", positiveInteger)
			.option('--license <text>', "the export's licence, to be kept with the model")
			.option('--overwrite', 'replace a model of that name'),
	).action(async (exportFolder: string, options: ImportFlags) => {
		const { importModel } = await import('../../models/import/import-model.js');
		const { openRuntime } = await import('../../runtime/onnx-runtime.js');
		const reporter = new Reporter({ json: options.json === true, quiet: options.quiet === true });
		const runtime = openRuntime({ device: 'cpu' });
		try {
			const { model, weights } = await importModel({
				exportFolder,
				...options,
				runtime,
				signal: cancelOnInterrupt(),
				onProgress: (message) => reporter.line(message),
			});
			const copied = weights.filter(({ method }) => method === 'copy');
			if (copied.length > 0) {
				reporter.line(`copied ${copied.length} weights files, which lie on another disk than the model`);
			}
			reporter.line(`imported "${model.manifest.name}" to ${model.folder}`);
			reporter.record({ type: 'done', name: model.manifest.name, folder: model.folder });
		} finally {
			await runtime.close();
		}
	});
};

export const registerModels = (program: Command): void => {
	const models = program.command('models').description('lists, imports and checks models');
	for (const register of [listCommand, infoCommand, importCommand, verifyCommand]) {
		register(models);
	}
};
