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

/** What is changed in a project's folder, one change after the other. */
export class ProjectChanges {
	#last: Promise<unknown> = Promise.resolve();

	constructor(private readonly folder: string) {}

	/**
	 * Makes a change when those before it are made, whether they succeeded or not.
	 *
	 * @throws UserError when the project is not where it was opened
	 */
	make<Result>(change: () => Promise<Result>): Promise<Result> {
		const changeThere = (): Promise<Result> => {
			requireProjectThere(this.folder);
			return change();
		};
		const made = this.#last.then(changeThere, changeThere);
		this.#last = made.catch(() => undefined);
		return made;
	}

	/** Waits until all changes are made. */
	async made(): Promise<void> {
		await this.#last;
	}
}
