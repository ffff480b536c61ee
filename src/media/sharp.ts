import { createRequire } from 'node:module';
import type Sharp from 'sharp';

let loaded: typeof Sharp | undefined;

/**
 * sharp, loaded with its first use: a run from a video and an indexed mask to masks does without. By `require`, which takes half the time: to import them, Node
 * would look through the fifty modules that sharp requires for what they export.
 */
export const loadSharp = (): typeof Sharp => {
	if (loaded === undefined) {
		loaded = createRequire(import.meta.url)('sharp') as typeof Sharp;
		// A long run must not grow: libvips would keep the last files it opened.
		loaded.cache(false);
	}
	return loaded;
};
