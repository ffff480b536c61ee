import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Models that come with the package; the same relative path holds from `src/models` and from `dist/models`. */
export const bundledModelsFolder = (): string => fileURLToPath(new URL('../../models/', import.meta.url));

/** The guides that come with the package, to which messages point as `docs/…`. */
export const docsFolder = (): string => fileURLToPath(new URL('../../docs', import.meta.url));

const platformCache = (env: NodeJS.ProcessEnv): string => {
	switch (process.platform) {
		case 'win32':
			return env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
		case 'darwin':
			return join(homedir(), 'Library', 'Caches');
		default:
			return env.XDG_CACHE_HOME || join(homedir(), '.cache');
	}
};

/** Where models, caches and run records live: `PROPAGATE_HOME`, or `propagate` in the platform's cache folder. */
export const propagateHome = (env: NodeJS.ProcessEnv = process.env): string =>
	env.PROPAGATE_HOME || join(platformCache(env), 'propagate');

/** Imported and pulled models, a folder for each. */
export const userModelsFolder = (env: NodeJS.ProcessEnv = process.env): string =>
	join(propagateHome(env), 'models');
