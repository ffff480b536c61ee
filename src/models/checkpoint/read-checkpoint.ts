import { UserError } from '../../core/errors.js';
import { openRegularFile } from '../../core/regular-file.js';
import type { Checkpoint } from './checkpoint.js';
import { readSafetensors } from './safetensors.js';
import { readTorchArchive } from './torch-archive.js';

const firstBytes = async (path: string, count: number): Promise<Uint8Array> => {
	const file = await openRegularFile(path).catch((cause: unknown) => {
		throw new UserError(`There is no aggregation file ${path}; expected a .pt or .safetensors file.`, {
			cause,
		});
	});
	try {
		if (!(await file.stat()).isFile()) {
			throw new UserError(`${path} is not a file; expected a .pt or .safetensors file.`);
		}
		const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
		return buffer.subarray(0, bytesRead);
	} finally {
		await file.close();
	}
};

/** A .safetensors file is the length of its header, eight bytes, and the header in JSON. */
const looksLikeSafetensors = (head: Uint8Array): boolean => head[8] === '{'.charCodeAt(0) && head[7] === 0;

/**
 * Reads aggregation weights, `.safetensors` or what `torch.save` wrote (`.pt`, `.pth`, `.bin`); the content says which.
 *
 * @throws UserError when the file is missing, malformed, or holds anything but data
 */
export const readCheckpoint = async (path: string): Promise<Checkpoint> =>
	looksLikeSafetensors(await firstBytes(path, 9)) ? readSafetensors(path) : readTorchArchive(path);
