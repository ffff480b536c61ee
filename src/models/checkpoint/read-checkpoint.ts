import { stat } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { readSafetensors } from './safetensors.js';
import { readTorchArchive } from './torch-archive.js';

/**
 * Reads aggregation weights, `.safetensors` or what `torch.save` wrote (`.pt`, `.pth`, `.bin`).
 *
 * @throws UserError when the file is missing, malformed, or holds anything but data
 */
export const readCheckpoint = async (path: string): Promise<Checkpoint> => {
	await stat(path).catch((error: unknown) => {
		throw new UserError(`There is no aggregation file ${path}; expected a .pt or .safetensors file.`, {
			cause: error,
		});
	});
	return path.endsWith('.safetensors') ? readSafetensors(path) : readTorchArchive(path);
};
