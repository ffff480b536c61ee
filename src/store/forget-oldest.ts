import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clearLeftovers } from '../core/temporary-names.js';

/** Deletes what killed processes left below a folder, and then the files used longest ago until the rest is at most `maxBytes`. */
export const forgetOldest = async (folder: string, maxBytes: number): Promise<void> => {
	const names = await readdir(folder, { recursive: true }).catch(() => []);
	const partial = names.filter((name) => name.endsWith('.partial'));
	for (const place of new Set(partial.map((name) => dirname(join(folder, name))))) {
		await clearLeftovers(place);
	}
	const files = await Promise.all(
		names.map(async (name) => {
			const path = join(folder, name);
			const found = await stat(path).catch(() => undefined);
			return found?.isFile() ? [{ path, bytes: found.size, used: found.mtimeMs }] : [];
		}),
	);
	const oldestFirst = files.flat().sort((a, b) => a.used - b.used);
	let total = oldestFirst.reduce((sum, { bytes }) => sum + bytes, 0);
	for (const { path, bytes } of oldestFirst) {
		if (total <= maxBytes) {
			break;
		}
		await rm(path, { force: true }).catch(() => {});
		total -= bytes;
	}
};
