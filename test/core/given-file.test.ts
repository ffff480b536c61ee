import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readGivenFile, readGivenText } from '../../src/core/given-file.js';
import { readMask } from '../../src/media/label-map.js';
import { readJobs } from '../../src/pairs/read-jobs.js';
import { readPoints } from '../../src/pairs/read-points.js';
import { loadPreset } from '../../src/presets/preset.js';
import { readDescriptorMap } from '../../src/store/descriptor-file.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe('a file that somebody named', () => {
	test('comes whole, text by its byte order mark', async () => {
		const path = join(temporaryFolder(), 'a.txt');
		writeFileSync(path, Buffer.from('\ufeff[1]', 'utf16le'));
		expect(await readGivenText(path)).toBe('[1]');
		expect(await readGivenFile(path)).toHaveLength(8);
	});

	test('that cannot be read is told in a sentence', async () => {
		const folder = temporaryFolder();
		const [large, ring] = [join(folder, 'large'), join(folder, 'ring')];
		writeFileSync(large, '');
		truncateSync(large, 2 ** 30 + 1);
		symlinkSync('ring', ring);
		mkdirSync(join(folder, 'folder'));
		for (const [path, said] of [
			[join(folder, 'gone'), /^The list "a" does not exist; check the path\.$/],
			[join(large, 'below'), /does not exist/],
			[join(folder, 'n'.repeat(300)), /no name is that long/],
			[join(folder, 'folder'), /is a folder; give a file/],
			[large, /larger than 1 GB/],
			[ring, /goes round in links/],
		] as const) {
			await expect(readGivenFile(path, 'The list "a"')).rejects.toThrow(said);
		}
	});

	test.skipIf(!existsSync('/dev/fd'))('may be a pipe', async () => {
		const pipe = join(temporaryFolder(), 'pipe');
		execFileSync('mkfifo', [pipe]);
		// Opening a pipe waits for its other end, so that belongs to another process.
		const writer = spawn('sh', ['-c', 'printf "[[1, 2]]" > "$1"', 'sh', pipe]);
		expect(await readGivenText(pipe)).toBe('[[1, 2]]');
		writer.kill();
	});

	// Each of them went on for ever, or until there was no memory.
	test.skipIf(!existsSync('/dev/zero'))('is no device, wherever a file is read', async () => {
		const endless = '/dev/zero';
		for (const read of [readMask, readPoints, readJobs, readDescriptorMap]) {
			await expect(read(endless)).rejects.toThrow(/is a device; give a file/);
		}
		const preset = join(temporaryFolder(), 'a.json');
		symlinkSync(endless, preset);
		await expect(loadPreset(preset)).rejects.toThrow(/is a device; give a file/);
	});
});
