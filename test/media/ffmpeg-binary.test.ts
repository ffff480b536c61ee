import { chmodSync, cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findFfmpeg, makeRunnable } from '../../src/media/ffmpeg-binary.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

afterEach(() => {
	vi.unstubAllEnvs();
});

describe('finding ffmpeg', () => {
	/** A program that passes for an ffmpeg of the given library version, with everything or nothing but ProRes. */
	const fakeFfmpeg = (folder: string, library: string, encoders: readonly string[]): string => {
		const lists = {
			'-version': `ffmpeg version fake\nlibavutil      ${library} / ${library}`,
			'-encoders': encoders.map((name) => ` V....D ${name}   ${name} of a fake`).join('\n'),
			'-filters': ['showinfo', 'scale', 'trim', 'zscale', 'tonemap']
				.map((name) => ` .. ${name}   V->V   ${name}`)
				.join('\n'),
			'-h': '-fps_mode[:<stream_spec>]  set framerate mode',
		};
		const cases = Object.entries(lists).map(([option, text]) => `${option}) cat <<'END'\n${text}\nEND\n;;`);
		const path = join(folder, 'ffmpeg');
		writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\ncase $2 in\n${cases.join('\n')}\nesac\n`, {
			mode: 0o755,
		});
		return path;
	};
	const all = ['libx264', 'prores_ks', 'libvpx-vp9', 'ffv1', 'qtrle', 'aac'];

	test('takes the bundled one where PATH leads to no other', async () => {
		vi.stubEnv('FFMPEG_PATH', '');
		vi.stubEnv('PATH', temporaryFolder());
		const binary = await findFfmpeg();
		expect(binary).toMatchObject({ origin: 'bundled', version: expect.stringMatching(/^ffmpeg version/) });
		expect(binary.reason).toContain('no other');
		expect(binary.encoders).toContain('libx264');
		expect(binary.filters).toContain('showinfo');
		expect(binary.options).toContain('vsync');
	});

	test("prefers the system's when it is newer and can do everything", async () => {
		vi.stubEnv('FFMPEG_PATH', '');
		const folder = temporaryFolder();
		const path = fakeFfmpeg(folder, '61.  1.102', all);
		vi.stubEnv('PATH', `${temporaryFolder()}:${folder}`);
		expect(await findFfmpeg()).toMatchObject({
			path,
			origin: 'system',
			reason: expect.stringContaining('newer'),
		});
	});

	test("stays with the bundled one when the system's is older or lacks something, and says so", async () => {
		vi.stubEnv('FFMPEG_PATH', '');
		const [old, poor] = [temporaryFolder(), temporaryFolder()];
		fakeFfmpeg(old, '55. 78.100', all);
		fakeFfmpeg(poor, '61.  1.102', ['prores_ks']);
		vi.stubEnv('PATH', old);
		expect(await findFfmpeg()).toMatchObject({
			origin: 'bundled',
			reason: expect.stringContaining('not older'),
		});
		vi.stubEnv('PATH', poor);
		expect(await findFfmpeg()).toMatchObject({
			origin: 'bundled',
			reason: expect.stringContaining('libx264'),
		});
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
