import { readFile } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { parseNpy } from '../models/npy.js';
import type { DescriptorMap } from './descriptor-map.js';

/**
 * Reads the descriptor map of one image, as `features` and `generate` write it: `.npy`, float32 [1, C, H, W].
 *
 * @throws UserError when the file is missing, or holds something else
 */
export const readDescriptorMap = async (path: string): Promise<DescriptorMap> => {
	const bytes = await readFile(path).catch((cause: unknown) => {
		throw new UserError(
			`The features ${path} can't be read; expected a .npy file that "propagate features" or "propagate generate" wrote.`,
			{ cause },
		);
	});
	const { shape, data } = parseNpy(bytes);
	const [images, channels = 0, height = 0, width = 0] = shape;
	if (images !== 1 || shape.length !== 4 || data.length === 0 || !(data instanceof Float32Array)) {
		throw new UserError(
			`The features ${path} have the shape [${shape.join(', ')}]; expected float32 of one image, [1, channels, height, width].`,
		);
	}
	return { channels, height, width, data };
};
