import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ScratchFolder, temporaryPath } from '../../src/core/temporary-names.js';
import { seekableInput } from '../../src/media/piped-input.js';
import { LabelSpool } from '../../src/output/label-spool.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** What a process of this machine that is no more has left for a purpose among the temporary files. */
const leftBehind = (of: string): string =>
	temporaryPath(join(tmpdir(), of)).replace(`.${process.pid}-`, '.999999999-');

test('what killed processes left among the temporary files goes with the next one that has the same purpose', async () => {
	// Other tests' runs would clear the system's own meanwhile.
	vi.stubEnv('TMPDIR', temporaryFolder());
	onTestFinished(() => {
		vi.unstubAllEnvs();
	});
	const [folder, input, masks] = ['propagate', 'propagate-input', 'propagate-masks'].map(leftBehind) as [
		string,
		string,
		string,
	];
	mkdirSync(folder);
	mkdirSync(input);
	writeFileSync(join(input, 'stdin'), 'a whole clip');
	writeFileSync(masks, 'masks');

	await (await ScratchFolder.open()).remove();
	expect([folder, input, masks].map(existsSync)).toEqual([false, true, true]);

	const { stdin } = process;
	Object.defineProperty(process, 'stdin', {
		value: Readable.from([Buffer.from('clip')]),
		configurable: true,
	});
	try {
		expect(existsSync(await seekableInput('-'))).toBe(true);
	} finally {
		Object.defineProperty(process, 'stdin', { value: stdin, configurable: true });
	}
	expect(existsSync(input)).toBe(false);

	await (await LabelSpool.open([])).close();
	expect(existsSync(masks)).toBe(false);
});
