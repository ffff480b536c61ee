import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearLeftoversOf, temporaryPath } from '../core/temporary-names.js';

const place = join(tmpdir(), 'propagate');

/** A name for a temporary folder; whoever writes there makes it. */
export class ScratchFolder {
	private constructor(readonly path: string) {}

	/** Removes those of runs that were killed. */
	static async open(): Promise<ScratchFolder> {
		await clearLeftoversOf(place);
		return new ScratchFolder(temporaryPath(place));
	}

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}
}
