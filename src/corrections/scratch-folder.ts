import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A name for a temporary folder; whoever writes there makes it. */
export class ScratchFolder {
	readonly path = join(tmpdir(), `propagate-${randomUUID()}`);

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}
}
