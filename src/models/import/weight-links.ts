import { constants, copyFile, link, mkdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OnnxModel } from '../../onnx/model.js';

const WEIGHTS_FOLDER = 'weights';

/** How a weights file got into the model's folder. */
export type LinkedWeights = {
	readonly source: string;
	readonly file: string;
	readonly method: 'hard link' | 'copy';
};

/**
 * Brings the files that hold a model's weights into its folder. The runtime only takes external data below the
 * graph's own folder (it resolves symbolic links first), so the files are hard-linked: no space is used and the
 * originals stay as they are. Across file systems they are copied, as a clone where that exists.
 */
export class WeightLinks {
	readonly #folder: string;
	readonly #linked = new Map<string, LinkedWeights>();

	constructor(modelFolder: string) {
		this.#folder = modelFolder;
	}

	get all(): readonly LinkedWeights[] {
		return [...this.#linked.values()];
	}

	/** Links every weights file of a graph. @param role distinguishes files of the same name, such as `unet` */
	async add(model: OnnxModel, role: string): Promise<void> {
		const paths = new Set(model.weights.flatMap(({ data }) => (data.kind === 'file' ? [data.path] : [])));
		for (const path of paths) {
			if (!this.#linked.has(path)) {
				this.#linked.set(path, await this.#link(path, role));
			}
		}
	}

	/** Where the written graph finds a file of weights, relative to the model's folder. */
	locationOf = (path: string): string => {
		const linked = this.#linked.get(path);
		if (linked === undefined) {
			throw new Error(`${path} was not linked.`);
		}
		return linked.file;
	};

	async #link(path: string, role: string): Promise<LinkedWeights> {
		await mkdir(join(this.#folder, WEIGHTS_FOLDER), { recursive: true });
		const file = `${WEIGHTS_FOLDER}/${role}-${this.#linked.size}-${basename(path)}`;
		// A link to a symbolic link would be a symbolic link again; downloads of the hub's cache are such.
		const source = await realpath(path);
		const target = join(this.#folder, file);
		try {
			await link(source, target);
			return { source: path, file, method: 'hard link' };
		} catch {
			await copyFile(source, target, constants.COPYFILE_FICLONE);
			return { source: path, file, method: 'copy' };
		}
	}
}
