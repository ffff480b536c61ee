import type { z } from 'zod';
import { readOwnText } from '../core/regular-file.js';

/** What a file says; undefined where there is none, or it says something else. */
export const readJson = async <Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> => {
	const text = await readOwnText(path).catch(() => undefined);
	if (text === undefined) {
		return undefined;
	}
	try {
		return schema.parse(JSON.parse(text));
	} catch {
		return undefined;
	}
};
