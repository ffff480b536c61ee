import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { canRun } from './can-run.js';
import { temporaryFolder } from './temporary-folder.js';

/** Use as `test.skipIf(!canMount)('… (needs root on Linux)')`. */
export const canMount =
	process.platform === 'linux' &&
	process.getuid?.() === 0 &&
	// Some containers run as root without the right to mount.
	canRun('unshare', '-m', 'true');

/** A file system of its own in memory, gone when the test is finished. `options`: as of `mount -o`. */
export const mountDisk = (options: string): { folder: string; remount: (options: string) => void } => {
	const folder = temporaryFolder();
	execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
	onTestFinished(() => {
		execFileSync('umount', ['-l', folder]);
	});
	return {
		folder,
		remount: (changed) => execFileSync('mount', ['-o', `remount,${changed}`, folder]),
	};
};
