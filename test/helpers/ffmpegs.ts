import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import installer from '@ffmpeg-installer/ffmpeg';

/**
 * Every ffmpeg that tests are run with: the bundled one, the one in `PATH`, and those that `PROPAGATE_TEST_FFMPEGS` names
 * (paths, separated as in `PATH`).
 */
export const ffmpegs: readonly { readonly version: string; readonly path: string }[] = [
	installer.path,
	...(process.env.PATH ?? '')
		.split(delimiter)
		.map((folder) => join(folder, 'ffmpeg'))
		.filter(existsSync)
		.slice(0, 1),
	...(process.env.PROPAGATE_TEST_FFMPEGS ?? '').split(delimiter).filter((path) => path !== ''),
].map((path) => ({
	path,
	version:
		/^ffmpeg version (\S+)/.exec(execFileSync(path, ['-version'], { encoding: 'utf8' }))?.[1] ?? 'unknown',
}));
