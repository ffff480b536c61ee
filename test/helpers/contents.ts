import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every file of a folder by its path in it, notes of runs included. */
export const contents = (folder: string): Map<string, Buffer> =>
	new Map(
		readdirSync(folder, { recursive: true, encoding: 'utf8' })
			.filter((name) => statSync(join(folder, name)).isFile())
			.sort()
			.map((name) => [name, readFileSync(join(folder, name))]),
	);

/** As {@link contents}, without the notes. */
export const results = (folder: string): Map<string, Buffer> =>
	new Map([...contents(folder)].filter(([name]) => !name.includes('.propagate-run')));
