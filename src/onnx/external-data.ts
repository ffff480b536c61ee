import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { UserError } from '../core/errors.js';
import { pathInside } from '../core/path-inside.js';

/** A file that holds weights, checked to be the model's own. */
type ExternalFile = { readonly path: string; readonly size: number };

const isInside = (folder: string, path: string): boolean => {
	const fromFolder = relative(folder, path);
	return fromFolder !== '' && fromFolder.split(sep)[0] !== '..' && !isAbsolute(fromFolder);
};

/**
 * Finds the files that a graph names as its external data. A graph may come from anywhere, so it only reaches files in
 * its own folder: not by an absolute path, not by climbing out, and not through a symbolic link. The one exception are
 * links of the hub's cache, where the graph itself is a link to the folder that its weights lie in.
 */
export class ExternalData {
	readonly #modelPath: string;
	readonly #known = new Map<string, ExternalFile>();

	constructor(modelPath: string) {
		this.#modelPath = resolve(modelPath);
	}

	/** @throws UserError when the file is missing or not the model's own */
	find(location: string, weight: string): ExternalFile {
		const known = this.#known.get(location);
		if (known !== undefined) {
			return known;
		}
		const folder = dirname(this.#modelPath);
		const path = pathInside(folder, location);
		const found = this.#stat(path, weight);
		const real = realpathSync(path);
		if (!isInside(realpathSync(folder), real) && dirname(real) !== dirname(realpathSync(this.#modelPath))) {
			throw new UserError(
				`The weights file ${path} of "${weight}" is a link out of the model's folder; put the file itself there.`,
			);
		}
		this.#known.set(location, found);
		return found;
	}

	#stat(path: string, weight: string): ExternalFile {
		try {
			const found = statSync(path);
			if (found.isFile()) {
				return { path, size: found.size };
			}
		} catch (cause) {
			throw new UserError(
				`The weights file ${path} of "${weight}" is missing; keep it beside the .onnx file.`,
				{ cause },
			);
		}
		throw new UserError(`The weights file ${path} of "${weight}" is not a file; download the model again.`);
	}
}
