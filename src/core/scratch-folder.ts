import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearLeftoversOf, temporaryPath } from './temporary-names.js';

/**
 * A name among the system's temporary files. What killed processes left there for the same purpose is removed.
 *
 * @param of the purpose
 */
export const scratchPath = async (of: string): Promise<string> => {
	const place = join(tmpdir(), of);
	await clearLeftoversOf(place);
	return temporaryPath(place);
};

/** A name for a temporary folder; whoever writes there makes it. */
export class ScratchFolder {
	private constructor(readonly path: string) {}

	/** Removes those of runs that were killed. */
	static async open(): Promise<ScratchFolder> {
		return new ScratchFolder(await scratchPath('propagate'));
	}

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}
}
