import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new empty folder, removed when the test that asked for it has finished. */
export const temporaryFolder = (): string => {
	const folder = mkdtempSync(join(tmpdir(), 'propagate-test-'));
	onTestFinished(() => {
		chmodSync(folder, 0o755);
		rmSync(folder, { recursive: true, force: true });
	});
	return folder;
};
