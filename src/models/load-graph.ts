import { firstLineOf, UserError } from '../core/errors.js';
import { pathInside } from '../core/path-inside.js';
import type { Runtime, Session } from '../runtime/session.js';

/**
 * Loads one of a model's graphs.
 *
 * @param file as the manifest names it
 * @param fastFile another graph for CPUs
 * @throws UserError when the runtime can't use the file: it is damaged, or the device can't run it
 */
export const loadGraph = async (
	{ folder, manifest }: { readonly folder: string; readonly manifest: { readonly name: string } },
	runtime: Runtime,
	file: string,
	fastFile?: string,
): Promise<Session> => {
	const path = pathInside(folder, file);
	const graph = fastFile === undefined ? path : { cpu: pathInside(folder, fastFile), other: path };
	return runtime.load(graph).catch((error: unknown) => {
		if (error instanceof UserError) {
			throw error;
		}
		throw new UserError(
			`The model "${manifest.name}" can't be loaded from ${file}: ${firstLineOf(error)}; check it with "propagate models verify", or import it again.`,
			{ cause: error },
		);
	});
};
