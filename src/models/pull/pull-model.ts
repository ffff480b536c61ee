import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { Runtime } from '../../runtime/session.js';
import { makePrivateFolder } from '../../store/cache-file.js';
import { propagateHome } from '../../store/locations.js';
import { importBackbone } from '../import/import-backbone.js';
import { type ImportResult, importModel } from '../import/import-model.js';
import { download } from './download.js';
import { type Hub, listSnapshot, type RepositoryFile, type RepositorySnapshot, readSnapshot } from './hub.js';
import { loadSource, type ModelSource } from './source.js';

type PullOptions = {
	readonly hub: Hub;
	readonly runtime: Runtime;
	/** Name for the model; the source's when omitted. */
	readonly name?: string | undefined;
	/** Another repository and revision of the same export. */
	readonly repository?: string | undefined;
	readonly revision?: string | undefined;
	/** A file on this machine instead of the published aggregation weights. */
	readonly aggregation?: string | undefined;
	readonly overwrite?: boolean | undefined;
	readonly modelsFolder?: string | undefined;
	/** Where downloads are kept, `PROPAGATE_HOME/downloads` when omitted. */
	readonly downloadsFolder?: string | undefined;
	readonly onMessage?: ((message: string) => void) | undefined;
	/** Bytes that are there, and bytes in all. */
	readonly onBytes?: ((done: number, total: number) => void) | undefined;
};

/** The parts of an export that an import reads; checkpoints of other frameworks in the same repository are left. */
const EXPORT_PARTS = /^(?:unet|vae_encoder|vae_decoder|text_encoder|tokenizer)\/[^/]+$/;
const EXPORT_FILES = /\.(?:onnx|onnx_data|onnx\.data|pb|data|json|txt)$|^[^.]+$/;

/** Room that is left alone, for the graphs that the import writes. */
const SPARE_BYTES = 256 << 20;

type Download = {
	readonly snapshot: RepositorySnapshot;
	readonly folder: string;
	readonly files: readonly RepositoryFile[];
};

/**
 * Downloads a known model from the hub and imports it. Downloads stay where they are: the model's weights are links to
 * them, and an interrupted pull goes on where it stopped.
 *
 * @param name one of `sourceNames`
 * @throws UserError when the hub, the disk or the files do not allow it
 */
export const pullModel = async (name: string, options: PullOptions): Promise<ImportResult> => {
	const { hub } = options;
	const source = await loadSource(name);
	const say = options.onMessage ?? (() => {});
	const plan = await planDownloads(source, options);
	for (const { snapshot } of plan.all) {
		say(
			`${snapshot.repository} at ${snapshot.commit.slice(0, 12)}, licence ${snapshot.license ?? 'not stated there'}`,
		);
	}
	for (const { name: license, url } of [source.export.license, source.aggregation?.license].flatMap(
		(l) => l ?? [],
	)) {
		say(`by using the model you accept ${license}: ${url}`);
	}
	const total = plan.all.flatMap(({ files }) => files).reduce((sum, { bytes }) => sum + bytes, 0);
	let done = 0;
	await requireSpace(plan.folder, total);
	for (const { snapshot, folder, files } of plan.all) {
		for (const file of files) {
			await download(hub, snapshot, file, join(folder, file.path), (bytes) => {
				done += bytes;
				options.onBytes?.(done, total);
			});
		}
	}
	const common = {
		name: options.name ?? source.name,
		license: `${source.export.license.name} (${source.export.license.url})`,
		overwrite: options.overwrite,
		modelsFolder: options.modelsFolder,
		signal: hub.signal,
		onProgress: say,
	};
	const weights = plan.aggregation;
	const aggregation =
		options.aggregation ??
		(weights === undefined ? undefined : join(weights.folder, weights.files[0]?.path ?? ''));
	return source.backbone === undefined
		? importModel({ ...common, exportFolder: plan.export.folder, aggregation, runtime: options.runtime })
		: importBackbone({
				...common,
				graph: join(plan.export.folder, source.backbone.file),
				backbone: source.backbone.description,
				aggregation,
			});
};

const planDownloads = async (source: ModelSource, options: PullOptions) => {
	const { hub } = options;
	const folder = options.downloadsFolder ?? join(propagateHome(), 'downloads');
	const plan = async (
		repository: string,
		revision: string,
		wanted: (path: string) => boolean,
		what: string,
	): Promise<Download> => {
		const snapshot = await readSnapshot(hub, repository, revision);
		const files = (await listSnapshot(hub, snapshot)).filter(({ path }) => wanted(path));
		if (files.length === 0) {
			throw new UserError(
				`The repository ${repository} has no ${what}; choose another export with --repository.`,
			);
		}
		return { snapshot, files, folder: join(folder, repository.replace('/', '--'), snapshot.commit) };
	};
	const backbone = source.backbone;
	const isWanted = (path: string): boolean =>
		backbone === undefined
			? EXPORT_PARTS.test(path) && EXPORT_FILES.test(path.slice(path.lastIndexOf('/') + 1))
			: path === backbone.file || path.startsWith(`${backbone.file}_data`);
	const exported = await plan(
		options.repository ?? source.export.repository,
		options.revision ?? (options.repository === undefined ? source.export.revision : 'main'),
		isWanted,
		'ONNX export in the layout of diffusers or Optimum',
	);
	const { aggregation } = source;
	const weights =
		aggregation === undefined || options.aggregation !== undefined
			? undefined
			: await plan(
					aggregation.repository,
					aggregation.revision,
					(path) => path === aggregation.file,
					`file ${aggregation.file}`,
				);
	return {
		folder,
		export: exported,
		aggregation: weights,
		all: weights === undefined ? [exported] : [exported, weights],
	};
};

/** What an earlier try has fetched counts twice here; it errs on the careful side by no more than one download. */
const requireSpace = async (folder: string, bytes: number): Promise<void> => {
	await makePrivateFolder(folder);
	const { bavail, bsize } = await statfs(folder);
	const free = bavail * bsize;
	if (free < bytes + SPARE_BYTES) {
		const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
		throw new UserError(
			`The download takes ${gigabytes(bytes)} but ${folder} has ${gigabytes(free)} left; free some space, or set PROPAGATE_HOME to another disk.`,
		);
	}
};
