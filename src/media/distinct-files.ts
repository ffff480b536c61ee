import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../core/errors.js';
import { FrameNames, isFramePattern } from './frame-names.js';

/** Which file a path leads to, through links and whatever it is called; undefined when there is none. */
const identityOf = async (path: string): Promise<string | undefined> => {
	const found = await stat(path, { bigint: true }).catch(() => undefined);
	return found === undefined || found.ino === 0n ? undefined : `${found.dev}:${found.ino}`;
};

/** Where a file would be made: its folder without links, and its name. */
const placeOf = async (path: string): Promise<string> => {
	const folder = await realpath(dirname(resolve(path))).catch(() => dirname(resolve(path)));
	return join(folder, basename(path));
};

const isFolder = async (path: string): Promise<boolean> =>
	(await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const imageName = /\.(png|jpe?g|webp|tiff?|avif|gif|bmp)$/i;
const frameName = /^\d{5,}\.(png|tif)$/;

/**
 * Sees to it that nothing that is read is written: whoever asks for that has mistyped, whatever may be overwritten. Links and
 * other names of a file count as the file.
 *
 * @param outputs files and folders to be written
 * @param inputs files that are read, and folders whose pictures are
 * @throws UserError for an output that is an input, a folder of frames that holds one, or a picture among frames that are
 *   read: the next run would take it for a frame
 */
export const requireDistinct = async (
	outputs: readonly (string | undefined)[],
	inputs: readonly (string | undefined)[],
): Promise<void> => {
	const given = inputs.filter((path) => path !== undefined);
	const files = new Map<string, string>();
	const folders = new Map<string, string>();
	for (const path of given) {
		const identity = await identityOf(path);
		if (identity !== undefined) {
			((await isFolder(path)) ? folders : files).set(identity, path);
		}
	}
	for (const output of outputs) {
		if (output === undefined) {
			continue;
		}
		const identity = await identityOf(output);
		const place = await placeOf(output);
		const input = identity === undefined ? undefined : (files.get(identity) ?? folders.get(identity));
		if (input !== undefined) {
			throw new UserError(
				`"${output}" is an input${input === output ? '' : ` ("${input}")`}, which is never written to; choose another output.`,
			);
		}
		const around = folders.get((await identityOf(dirname(place))) ?? '');
		if (around !== undefined && imageName.test(place)) {
			throw new UserError(
				`"${output}" lies among the frames in "${around}" and would be taken for one; choose another folder.`,
			);
		}
		const isOutputFolder = identity !== undefined && (await isFolder(output));
		if (!isOutputFolder && isFramePattern(output)) {
			const names = FrameNames.ofPattern(output);
			for (const path of files.values()) {
				const held = await placeOf(path);
				if (dirname(held) === dirname(place) && names.matches(basename(held))) {
					throw new UserError(
						`"${path}" is an input, and would be called as a frame of "${output}"; choose another output.`,
					);
				}
			}
		}
		if (isOutputFolder) {
			for (const path of files.values()) {
				const holder = await identityOf(dirname(await placeOf(path)));
				if (holder === identity && frameName.test(basename(path))) {
					throw new UserError(
						`"${path}" is an input, but lies in "${output}", where frames are to be written; move it, or choose another output.`,
					);
				}
			}
		}
	}
};
