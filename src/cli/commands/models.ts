import type { Command } from 'commander';
import { UserError } from '../../core/errors.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	overwriteOption,
	positiveInteger,
	type ReportOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type ImportFlags = ReportOptions & {
	readonly backbone?: string;
	readonly pair?: string;
	readonly unet?: string;
	readonly vaeEncoder?: string;
	readonly aggregation?: string;
	readonly grid?: number;
	readonly name: string;
	readonly emptyPrompt?: string;
	readonly license?: string;
	readonly overwrite?: boolean;
};

const listCommand = (models: Command): void => {
	withReportOptions(
		models.command('list', { isDefault: true }).description('the models on this machine'),
	).action(async (options: ReportOptions) => {
		const { listModels } = await import('../../models/registry.js');
		const found = await listModels();
		const reporter = new Reporter(options);
		reporter.record(
			found.map((model) =>
				'manifest' in model
					? { name: model.manifest.name, folder: model.folder, description: model.manifest.description }
					: { folder: model.folder, error: model.error.message },
			),
		);
		for (const model of found) {
			reporter.print(
				'manifest' in model
					? `${model.manifest.name.padEnd(18)} ${model.manifest.description}`
					: `(broken)           ${model.error.message}`,
			);
		}
	});
};

const infoCommand = (models: Command): void => {
	withReportOptions(
		models.command('info').description("a model's manifest and folder").argument('[name|folder]'),
	).action(async (name: string | undefined, options: ReportOptions) => {
		const { findAnyModel } = await import('../../models/registry.js');
		const { folder, manifest } = await findAnyModel(name);
		const reporter = new Reporter(options);
		reporter.record({ folder, ...manifest });
		reporter.print(JSON.stringify({ folder, ...manifest }, undefined, '\t'));
	});
};

const verifyCommand = (models: Command): void => {
	withReportOptions(
		models
			.command('verify')
			.description("compares a model's files with their recorded sizes and checksums")
			.argument('[name|folder]'),
	).action(async (name: string | undefined, options: ReportOptions) => {
		const reporter = new Reporter(options);
		const { findAnyModel } = await import('../../models/registry.js');
		const { verifyModel } = await import('../../models/verify.js');
		const model = await findAnyModel(name);
		const wrong: string[] = [];
		for await (const { file, result } of verifyModel(model, cancelOnInterrupt())) {
			reporter.record({ type: 'file', file, result });
			reporter.print(`${result.padEnd(14)} ${file}`);
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
				'makes a model from an ONNX export of Stable Diffusion and aggregation weights of the paper, or from another network',
			)
			.argument(
				'<export>',
				"folder in the layout of diffusers or Optimum, or an .onnx file; it isn't changed",
			)
			.option(
				'--aggregation <file>',
				'aggregation weights, .pt or .safetensors; without them only the layers themselves can be used',
			)
			.requiredOption('--name <name>', 'name of the new model')
			.option('--unet <file>', "UNet to use instead of the folder's")
			.option('--vae-encoder <file>', "VAE encoder to use instead of the folder's")
			.option('--empty-prompt <npy>', "the empty prompt's embedding, for exports without a text encoder")
			.option('--grid <side>', "side of the descriptor grid (default: the weights' own)", positiveInteger)
			.option(
				'--backbone <name|file.json>',
				'the export is an image network that this describes, such as dino',
			)
			.option('--pair <name|file.json>', 'the export matches two images, as this describes, such as cats++')
			.option('--license <text>', "the export's licence, to be kept with the model")
			.addOption(overwriteOption()),
	).action(async (exported: string, options: ImportFlags) => {
		if (options.backbone !== undefined && options.pair !== undefined) {
			throw new UserError('Give either --backbone or --pair, not both.');
		}
		const reporter = new Reporter(options);
		const common = {
			...options,
			signal: cancelOnInterrupt(),
			onProgress: (message: string) => reporter.line(message),
		};
		if (options.pair !== undefined) {
			const { importPairModel } = await import('../../models/import/import-pair-model.js');
			reportImport(reporter, await importPairModel({ ...common, graph: exported, pair: options.pair }));
		} else if (options.backbone !== undefined) {
			const { importBackbone } = await import('../../models/import/import-backbone.js');
			const { model } = await importBackbone({ ...common, graph: exported, backbone: options.backbone });
			reportImport(reporter, model);
		} else {
			const { importModel } = await import('../../models/import/import-model.js');
			const { openRuntime } = await import('../../runtime/onnx-runtime.js');
			const runtime = openRuntime({ device: 'cpu' });
			try {
				const { model, weights } = await importModel({ ...common, exportFolder: exported, runtime });
				const copied = weights.filter(({ method }) => method === 'copy');
				if (copied.length > 0) {
					reporter.line(`copied ${copied.length} weights files, which lie on another disk than the model`);
				}
				if (model.manifest.rawOnly === true) {
					reporter.line('no --aggregation was given: the model gives its layers as they are');
				}
				reportImport(reporter, model);
			} finally {
				await runtime.close();
			}
		}
	});
};

type Named = { readonly folder: string; readonly manifest: { readonly name: string } };

const reportImport = (reporter: Reporter, { folder, manifest }: Named): void => {
	reporter.line(`imported "${manifest.name}" to ${folder}`);
	reporter.record({ type: 'done', name: manifest.name, folder });
};

type PullFlags = ReportOptions & {
	readonly repository?: string;
	readonly revision?: string;
	readonly aggregation?: string;
	readonly name?: string;
	readonly overwrite?: boolean;
};

const pullCommand = (models: Command): void => {
	withReportOptions(
		models
			.command('pull')
			.description('downloads a known model from the Hugging Face hub (or HF_ENDPOINT) and imports it')
			.argument('[name]', 'what to pull; left out, the names are listed')
			.option('--repository <owner/name>', 'another repository with an ONNX export of it')
			.option('--revision <name>', "the repository's branch, tag or commit")
			.option('--aggregation <file>', 'aggregation weights on this machine instead of the published ones')
			.option('--name <name>', 'name of the new model (default: the same)')
			.addOption(overwriteOption()),
	).action(async (name: string | undefined, options: PullFlags) => {
		const { loadSource, sourceNames } = await import('../../models/pull/source.js');
		if (name === undefined) {
			const sources = await Promise.all((await sourceNames()).map(loadSource));
			const reporter = new Reporter(options);
			reporter.record(sources.map(({ name, description }) => ({ name, description })));
			for (const source of sources) {
				reporter.print(`${source.name.padEnd(18)} ${source.description}`);
			}
			return;
		}
		const { openHub } = await import('../../models/pull/hub.js');
		const { pullModel } = await import('../../models/pull/pull-model.js');
		const { openRuntime } = await import('../../runtime/onnx-runtime.js');
		const reporter = new Reporter(options);
		const runtime = openRuntime({ device: 'cpu' });
		try {
			const { model } = await pullModel(name, {
				...options,
				hub: openHub(cancelOnInterrupt()),
				runtime,
				onMessage: (message) => {
					reporter.end();
					reporter.line(message);
				},
				onBytes: (done, total) => {
					reporter.progress({ done: Math.round(done / 1e6), total: Math.round(total / 1e6) }, 'MB');
				},
			});
			reportImport(reporter, model);
		} finally {
			reporter.end();
			await runtime.close();
		}
	});
};

export const registerModels = (program: Command): void => {
	const models = program.command('models').description('lists, imports and checks models');
	for (const register of [listCommand, infoCommand, pullCommand, importCommand, verifyCommand]) {
		register(models);
	}
};
