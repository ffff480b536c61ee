import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../index.js';

/**
 * Sees whether a project is where it was opened, before something is written: else a folder with some of its files would appear there beside the one
 * that was moved.
 *
 * @throws UserError when it is not
 */
export const requireProjectThere = (folder: string): void => {
	if (!existsSync(join(folder, 'project.json'))) {
		throw new UserError(
			`The project is not in "${folder}" any more. Put it back, and what you do goes on; what you have painted since waits in this window.`,
		);
	}
};
