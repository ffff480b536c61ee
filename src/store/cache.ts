import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import { readOwnText } from '../core/regular-file.js';
import { clearLeftovers } from '../core/temporary-names.js';
import { propagateHome } from './locations.js';

/**
 * What runs leave for later runs, by folder of `PROPAGATE_HOME`, and each one's share of the limit. All of it can be computed again;
 * models are no part of it.
 */
const parts = {
	descriptors: { about: 'descriptors of frames and images', share: 0.75 },
	runs: { about: 'results of runs, which corrections and --resume go on from', share: 0.25 },
} as const;

type CachePart = keyof typeof parts;

/** Bytes, while nobody has set another limit. */
const DEFAULT_LIMIT = 2e9;

type CacheUsage = {
	/** Where it is. */
	readonly folder: string;
	readonly limitBytes: number;
	readonly parts: readonly {
		readonly name: CachePart;
		readonly about: string;
		readonly files: number;
		readonly bytes: number;
	}[];
};

const settingsFile = (): string => join(propagateHome(), 'cache.json');
const settingsSchema = z.object({ limitBytes: z.number().nonnegative() });

/** The most that everything together may take, in bytes: as set, else 2 GB. */
const cacheLimit = async (): Promise<number> => {
	const text = await readOwnText(settingsFile()).catch(() => undefined);
	if (text === undefined) {
		return DEFAULT_LIMIT;
	}
	try {
		return settingsSchema.parse(JSON.parse(text)).limitBytes;
	} catch {
		throw new UserError(
			`"${settingsFile()}" is damaged; set the limit again with "propagate cache limit 2GB".`,
		);
	}
};

/** How much of the limit is for one folder. */
export const cacheShare = async (part: CachePart): Promise<number> =>
	(await cacheLimit()) * parts[part].share;

/** Sets the limit, for this and all later runs, and forgets what is beyond it, the longest unused first. */
export const setCacheLimit = async (limitBytes: number): Promise<void> => {
	await writeFileAtomically(settingsFile(), Buffer.from(`${JSON.stringify({ limitBytes })}\n`));
	for (const part of partNames()) {
		await forgetOldest(join(propagateHome(), part), limitBytes * parts[part].share);
	}
};

const partNames = (): CachePart[] => Object.keys(parts) as CachePart[];

export const cacheUsage = async (): Promise<CacheUsage> => ({
	folder: propagateHome(),
	limitBytes: await cacheLimit(),
	parts: await Promise.all(
		partNames().map(async (name) => {
			const files = await filesIn(join(propagateHome(), name));
			return {
				name,
				about: parts[name].about,
				files: files.length,
				bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
			};
		}),
	),
});

/** Forgets everything, and returns what it was. Runs that are on begin again from what they hold. */
export const clearCache = async (): Promise<CacheUsage> => {
	const usage = await cacheUsage();
	for (const { name } of usage.parts) {
		await rm(join(usage.folder, name), { recursive: true, force: true });
	}
	return usage;
};

const filesIn = async (folder: string): Promise<{ readonly bytes: number }[]> => {
	const names = await readdir(folder, { recursive: true }).catch(() => []);
	const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
	return found.flatMap((entry) => (entry?.isFile() ? [{ bytes: entry.size }] : []));
};

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
