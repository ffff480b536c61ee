import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** `propagate obs` says where the product keeps such things. */
const memory = (): string =>
	join(process.env.PROPAGATE_HOME ?? join(homedir(), '.propagate'), 'obs-last-mask');

/** The mask that was used last, if its file still exists. */
export const recallMask = async (): Promise<string | undefined> => {
	const path = await readFile(memory(), 'utf8').catch(() => undefined);
	const exists = path !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
	return exists ? path : undefined;
};

/** Where nothing can be kept, the next time asks again. */
export const rememberMask = async (mask: string): Promise<void> => {
	try {
		await mkdir(dirname(memory()), { recursive: true, mode: 0o700 });
		// Never through a link that somebody has put there.
		const partial = `${memory()}.${randomUUID()}.partial`;
		await writeFile(partial, resolve(mask), { flag: 'wx', mode: 0o600 });
		await rename(partial, memory());
	} catch {
		// A read-only cache is no reason to stop.
	}
};
