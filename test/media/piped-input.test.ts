import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AbortedError } from '../../src/core/errors.js';
import { seekableInput } from '../../src/media/piped-input.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe.skipIf(process.platform === 'win32')('what can be read only once', () => {
	const pipe = (): string => {
		const path = join(mkdtempSync(join(tmpdir(), 'propagate-pipe-')), 'clip.mkv');
		execFileSync('mkfifo', [path]);
		return path;
	};

	test('is copied to a file', async () => {
		const path = pipe();
		const content = Buffer.alloc(300_000, 'frames');
		const source = join(temporaryFolder(), 'source');
		writeFileSync(source, content);
		spawn('sh', ['-c', `cat "${source}" > "${path}"`], { stdio: 'ignore' });
		const copy = await seekableInput(path);
		expect(copy).not.toBe(path);
		expect(readFileSync(copy).equals(content)).toBe(true);
	});

	test('is not waited for when the run is cancelled', async () => {
		const cancel = new AbortController();
		setTimeout(() => cancel.abort(), 300);
		await expect(seekableInput(pipe(), cancel.signal)).rejects.toThrow(AbortedError);
	});

	test('is refused when nothing comes, or it is a device', async () => {
		const path = pipe();
		spawn('sh', ['-c', `: > "${path}"`], { stdio: 'ignore' });
		await expect(seekableInput(path)).rejects.toThrow(/Nothing came from/);
		await expect(seekableInput('/dev/zero')).rejects.toThrow(/is a device/);
	});

	test('files and folders stay where they are, and so does what is not there', async () => {
		const folder = temporaryFolder();
		for (const path of [folder, join(folder, 'gone.mp4')]) {
			expect(await seekableInput(path)).toBe(path);
		}
	});
});
