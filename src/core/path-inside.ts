import { isAbsolute, relative, resolve, sep } from 'node:path';
import { UserError } from './errors.js';

/**
 * The absolute path of a file that a manifest or a graph names. Names come from downloaded files,
 * so one that leads out of the folder is refused.
 *
 * @throws UserError when `name` is absolute or climbs out of `folder`
 */
export const pathInside = (folder: string, name: string): string => {
	const path = resolve(folder, name);
	const fromFolder = relative(folder, path);
	const escapes = fromFolder === '..' || fromFolder.startsWith(`..${sep}`) || isAbsolute(fromFolder);
	if (isAbsolute(name) || escapes || fromFolder === '' || name.includes('\0')) {
		throw new UserError(
			`The model in ${folder} refers to "${name}", which is outside its folder; files of a model must lie in its own folder.`,
		);
	}
	return path;
};
