import { readFile } from 'node:fs/promises';
import { clipName, type Project, pathFromProject } from './project.js';

const template = new URL('../../../presets/project-files/after-effects.jsx', import.meta.url);

/**
 * A script for After Effects that builds a composition: the clip, and above it the clip again with the matte (or the
 * cut-out's alpha) as its track matte.
 *
 * @param path where the script will be
 */
export const afterEffectsScript = async (project: Project, path: string): Promise<string> => {
	const { title, clip, layer, width, height, frames, clipStart, frameRate } = project;
	const rate = frameRate.numerator / frameRate.denominator;
	const names = (file: string) => fileNames(path, file);
	const values = {
		...{ title, width, height, frameRate: rate },
		seconds: frames / rate,
		clipStartSeconds: clipStart / rate,
		...{ shows: layer.shows, clip: names(clip.path), layer: names(layer.path) },
	};
	const text = await readFile(template, 'utf8');
	return text.replace('/* PROJECT */ {}', () => asScript(values));
};

/** How a script in `path` finds a file: beside itself, or where it was when the script was made. */
export const fileNames = (
	path: string,
	file: string,
): { readonly beside: string; readonly absolute: string } => ({
	beside: pathFromProject(path, file) === file ? clipName(file) : pathFromProject(path, file),
	absolute: file,
});

/** JSON as the ECMAScript 3 of After Effects reads it: everything but ASCII is escaped, so no encoding is guessed. */
export const asScript = (value: unknown): string =>
	JSON.stringify(value, undefined, '\t')
		.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
		.replaceAll('\n', '\n\t');
