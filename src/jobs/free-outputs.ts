import { existsSync } from 'node:fs';
import { UserError } from '../core/errors.js';

/** @throws UserError for the first output that exists, unless it may be replaced */
export const requireFree = (paths: readonly (string | undefined)[], overwrite: boolean | undefined): void => {
	for (const path of paths) {
		if (path === '-') {
			throw new UserError(
				'Results are files, which cannot be written to standard output; give a name, or read what --json prints.',
			);
		}
		if (path !== undefined && overwrite !== true && existsSync(path)) {
			throw new UserError(`"${path}" exists; add --overwrite to replace it.`);
		}
	}
};
