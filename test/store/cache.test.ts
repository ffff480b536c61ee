import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cacheShare } from '../../src/store/cache.js';
import { records, runCli } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const MEGABYTE = 1e6;

const filledHome = (): string => {
	const home = temporaryFolder();
	for (const [part, count] of [
		['descriptors', 4],
		['runs', 2],
		['models', 1],
	] as const) {
		mkdirSync(join(home, part, 'x'), { recursive: true });
		for (let i = 0; i < count; i++) {
			const file = join(home, part, 'x', `${i}.bin`);
			writeFileSync(file, Buffer.alloc(MEGABYTE));
			utimesSync(file, i + 1, i + 1);
		}
	}
	return home;
};

it('shows, limits and clears what runs have left, and leaves models alone', async () => {
	const home = filledHome();
	const env = { PROPAGATE_HOME: home };
	const shown = await runCli(['cache', '--json'], { env });
	expect(records(shown.stdout)).toMatchObject([
		{
			folder: home,
			limitBytes: 2e9,
			parts: [
				{ files: 4, bytes: 4e6 },
				{ files: 2, bytes: 2e6 },
			],
		},
	]);
	expect((await runCli(['cache'], { env })).stdout).toContain('6.0 MB of at most 2.00 GB');

	// Three quarters are for descriptors: 3 MB of 4.
	expect((await runCli(['cache', 'limit', '4MB'], { env })).code).toBe(0);
	expect(readdirSync(join(home, 'descriptors/x')).sort()).toEqual(['1.bin', '2.bin', '3.bin']);
	expect(readdirSync(join(home, 'runs/x'))).toEqual(['1.bin']);

	const cleared = await runCli(['cache', 'clear'], { env });
	expect(cleared.stderr).toBe(`removed 4.0 MB from ${home}\n`);
	expect(existsSync(join(home, 'descriptors'))).toBe(false);
	expect(existsSync(join(home, 'models/x/0.bin'))).toBe(true);
	expect(records((await runCli(['cache', '--json'], { env })).stdout)).toMatchObject([{ limitBytes: 4e6 }]);
});

it('knows no limit that is none', async () => {
	const { code, stderr } = await runCli(['cache', 'limit', 'large']);
	expect([code, stderr]).toEqual([2, expect.stringContaining('give a size like 500MB or 2.5GB')]);
});

it('splits two gigabytes while nobody has set a limit', async () => {
	expect([await cacheShare('descriptors'), await cacheShare('runs')]).toEqual([1.5e9, 0.5e9]);
});
