import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clipStem, extensionOf, namesFolder } from '../../src/media/file-names.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe('names with dots of their own', () => {
	test.each([
		['clip.mp4', '.mp4'],
		['clip.MOV', '.mov'],
		['Screen Recording 2024-05-01 at 10.30.15', ''],
		['Screen Recording 2024-05-01 at 10.30.15.mp4', '.mp4'],
		['shot.v2', ''],
		['shot.v2.final', ''],
		['.hidden', ''],
		['a.b/c', ''],
	])('%s has the extension "%s"', (name, extension) => {
		expect(extensionOf(name)).toBe(extension);
	});

	test.each([
		['bear.mp4', 'bear'],
		['a/Screen Recording 2024-05-01 at 10.30.15.mp4', 'Screen Recording 2024-05-01 at 10.30.15'],
		['my.clip.mp4', 'my.clip'],
		['shots/shot.v2', 'shot.v2'],
		['shots/shot.v2/', 'shot.v2'],
		['shots/shot.%04d.png', 'shot'],
		['shots/frame_%05d.exr', 'frame'],
		['shots/*.png', 'shots'],
		['shots/%d.png', 'shots'],
		['/', 'clip'],
	])('the results of %s are called after "%s"', (input, stem) => {
		expect(clipStem(input)).toBe(stem);
	});

	test('those of the working folder after its name', () => {
		expect(clipStem('.')).toBe(basename(process.cwd()));
		expect(clipStem('./')).toBe(basename(process.cwd()));
	});

	test('an output is a folder unless its extension is known', async () => {
		const folder = temporaryFolder();
		mkdirSync(join(folder, 'looks.mp4'));
		writeFileSync(join(folder, 'plain'), '');
		expect(await namesFolder(join(folder, 'looks.mp4'))).toBe(true);
		expect(await namesFolder(join(folder, 'out.mp4/'))).toBe(true);
		expect(await namesFolder(join(folder, 'out.mp4'))).toBe(false);
		expect(await namesFolder(join(folder, 'out.xyz'))).toBe(false);
		expect(await namesFolder(join(folder, 'out.xyz/'))).toBe(true);
		for (const name of ['shot.v2', 'take 10.30.15-masks', 'plain-masks', 'x.', 'x.15-masks']) {
			expect(await resolveFormat(join(folder, name))).toMatchObject({
				format: { name: 'png' },
				path: join(folder, name),
			});
		}
		await expect(resolveFormat(join(folder, 'a.avi'))).rejects.toThrow(/ends in nothing that can be written/);
		await expect(resolveFormat('-')).rejects.toThrow(/cannot be written to standard output/);
	});

	test('a folder that is called mattes gets mattes', async () => {
		for (const name of ['mattes', 'bear-mattes', 'bear mattes/']) {
			expect((await resolveFormat(join(temporaryFolder(), name))).format.name).toBe('mattes');
		}
		expect((await resolveFormat(join(temporaryFolder(), 'formattes'))).format.name).toBe('png');
	});
});
