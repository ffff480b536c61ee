import { chmodSync, cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findFfmpeg, makeRunnable } from '../../src/media/ffmpeg-binary.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

afterEach(() => {
	vi.unstubAllEnvs();
});

describe('finding ffmpeg', () => {
	test('takes the bundled one when nothing is said', async () => {
		vi.stubEnv('FFMPEG_PATH', '');
		const binary = await findFfmpeg();
		expect(binary).toMatchObject({ origin: 'bundled', version: expect.stringMatching(/^ffmpeg version/) });
	});

	test('prefers FFMPEG_PATH, and the option above all', async () => {
		const { path } = await findFfmpeg();
		const [a, b] = [join(temporaryFolder(), 'a'), join(temporaryFolder(), 'b')];
		for (const copy of [a, b]) {
			writeFileSync(copy, `#!/bin/sh\nexec "${path}" "$@"\n`, { mode: 0o755 });
		}
		vi.stubEnv('FFMPEG_PATH', a);
		expect(await findFfmpeg()).toMatchObject({ path: a, origin: 'FFMPEG_PATH' });
		expect(await findFfmpeg(b)).toMatchObject({ path: b, origin: 'option' });
	});

	test('says what is wrong with the one asked for', async () => {
		await expect(findFfmpeg('/no/such/ffmpeg')).rejects.toThrow(
			/"\/no\/such\/ffmpeg" \(from --ffmpeg\) cannot be run/,
		);
		await expect(findFfmpeg(process.execPath)).rejects.toThrow(/cannot be run as ffmpeg|is not ffmpeg/);
		vi.stubEnv('FFMPEG_PATH', '/no/such/ffmpeg');
		await expect(findFfmpeg()).rejects.toThrow(/from FFMPEG_PATH/);
	});
});

describe('a binary without its run bit', () => {
	test('gets it', async () => {
		const binary = join(temporaryFolder(), 'ffmpeg');
		writeFileSync(binary, '#!/bin/sh\n', { mode: 0o644 });
		expect(await makeRunnable(binary)).toBe(binary);
		expect(statSync(binary).mode & 0o111).not.toBe(0);
	});

	// The superuser may change and run anything.
	test.skipIf(process.getuid?.() === 0)(
		'is copied to the cache folder when its own is not ours',
		async () => {
			const [folder, cache] = [temporaryFolder(), temporaryFolder()];
			cpSync('/bin/true', join(folder, 'ffmpeg'));
			chmodSync(join(folder, 'ffmpeg'), 0o444);
			chmodSync(folder, 0o555);
			// chmod succeeds for the owner even in a read-only folder, so this shows only that a runnable file comes back.
			const runnable = await makeRunnable(join(folder, 'ffmpeg'), cache);
			expect(readFileSync(runnable)).toEqual(readFileSync('/bin/true'));
			expect(statSync(runnable).mode & 0o111).not.toBe(0);
		},
	);
});
