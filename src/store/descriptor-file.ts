import type { DescriptorMap } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import { readGivenFile } from '../core/given-file.js';
import { type NpyArray, parseNpy } from './npy.js';

/**
 * Reads the descriptor map of one image, as `features` and `generate` write it: `.npy`, float32 [1, C, H, W].
 *
 * @throws UserError when the file is missing, or holds something else
 */
export const readDescriptorMap = async (path: string): Promise<DescriptorMap> => {
	const bytes = await readGivenFile(path, `The file of features "${path}"`);
	const array = parseNpy(bytes);
	const map = mapOfArray(array);
	if (map === undefined || map.data.length === 0) {
		throw new UserError(
			`The features ${path} have the shape [${array.shape.join(', ')}]; expected float32 of one image, [1, channels, height, width].`,
		);
	}
	return map;
};

/** The map that an array holds, float32 [1, C, H, W]; undefined when it holds something else. */
export const mapOfArray = ({ shape, data }: NpyArray): DescriptorMap | undefined => {
	const [images, channels = 0, height = 0, width = 0] = shape;
	return images === 1 && shape.length === 4 && data instanceof Float32Array
		? { channels, height, width, data }
		: undefined;
};
