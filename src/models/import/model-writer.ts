import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder, syncPath, writeFailure } from '../../core/atomic-file.js';
import { UserError } from '../../core/errors.js';
import { clearLeftovers, temporaryPath } from '../../core/temporary-names.js';
import type { OnnxModel } from '../../onnx/model.js';
import { encodeModel } from '../../onnx/write-model.js';
import { userModelsFolder } from '../../store/locations.js';
import { modelNameSchema } from '../manifest.js';
import { MANIFEST_FILE } from '../model-folder.js';
import { type FileRecord, recordOfFile } from '../verify.js';
import { type LinkedWeights, WeightLinks } from './weight-links.js';

/** What every kind of import asks for. */
export type NewModel = {
	/** Name of the new model. */
	readonly name: string;
	/** Replaces a model of the same name. */
	readonly overwrite?: boolean | undefined;
	/** Where models are kept; `PROPAGATE_HOME`'s when omitted. */
	readonly modelsFolder?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onProgress?: ((message: string) => void) | undefined;
};

/** Writes one model's files into an empty folder; weights are linked, never read. */
export class ModelWriter {
	readonly #links: WeightLinks;

	constructor(readonly folder: string) {
		this.#links = new WeightLinks(folder);
	}

	get links(): readonly LinkedWeights[] {
		return this.#links.all;
	}

	/** @param role distinguishes weights files of the same name, such as `unet` */
	async writeGraph(file: string, model: OnnxModel, role: string): Promise<void> {
		await this.#links.add(model, role);
		await writeFile(join(this.folder, file), encodeModel(model, this.#links.locationOf));
	}

	/** Size and checksum of everything that was written. */
	async fileRecords(signal?: AbortSignal): Promise<Record<string, FileRecord>> {
		const records: Record<string, FileRecord> = {};
		const entries = await readdir(this.folder, { recursive: true });
		for (const entry of entries.sort()) {
			const path = join(this.folder, entry);
			if ((await stat(path)).isFile()) {
				records[entry.replaceAll('\\', '/')] = await recordOfFile(path, signal);
			}
		}
		return records;
	}
}

/**
 * Makes a model folder: `write` fills it and returns its manifest. The folder appears under its name only when it is
 * complete, and nothing is left behind when `write` fails.
 *
 * @throws UserError when the name can't be used or is taken
 */
export const createModel = async (
	{ name, overwrite, modelsFolder = userModelsFolder(), signal, onProgress }: NewModel,
	write: (writer: ModelWriter) => Promise<object>,
): Promise<{ readonly folder: string; readonly weights: readonly LinkedWeights[] }> => {
	if (!modelNameSchema.safeParse(name).success) {
		throw new UserError(
			`"${name}" can't be a model's name; use lower-case letters, digits, dots, dashes and underscores.`,
		);
	}
	const folder = join(modelsFolder, name);
	const taken = await stat(folder).then(
		() => true,
		() => false,
	);
	if (taken && overwrite !== true) {
		throw new UserError(
			`There is already a model "${name}" in ${folder}; choose another name or add --overwrite.`,
		);
	}
	// A leading dot hides the unfinished model from the registry; the rename at the end makes it appear at once.
	const partial = temporaryPath(folder);
	await makeFolder(modelsFolder, 0o700);
	await clearLeftovers(modelsFolder);
	try {
		await mkdir(partial);
		const writer = new ModelWriter(partial);
		const manifest = await write(writer);
		onProgress?.('computing checksums');
		const complete = { ...manifest, files: await writer.fileRecords(signal) };
		await writeFile(join(partial, MANIFEST_FILE), `${JSON.stringify(complete, undefined, '\t')}\n`);
		await storeFolder(partial);
		if (taken) {
			// The old one goes under a temporary name, so that no moment is without either for longer than two renames take.
			const old = temporaryPath(folder);
			await rename(folder, old);
			await rename(partial, folder);
			await rm(old, { recursive: true, force: true });
		} else {
			await rename(partial, folder);
		}
		await syncFolder(modelsFolder);
		return { folder, weights: writer.links };
	} catch (error) {
		throw writeFailure(folder, error);
	} finally {
		await rm(partial, { recursive: true, force: true });
	}
};

/** Waits until the disk has every file below a folder. */
const storeFolder = async (folder: string): Promise<void> => {
	for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
		const path = join(entry.parentPath ?? entry.path, entry.name);
		await (entry.isDirectory() ? syncFolder(path) : syncPath(path));
	}
	await syncFolder(folder);
};
