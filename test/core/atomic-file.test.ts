import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
	makeFolder,
	publish,
	requireFree,
	writeFailure,
	writeFileAtomically,
} from '../../src/core/atomic-file.js';
import { UserError } from '../../src/core/errors.js';
import { clearLeftovers, clearLeftoversOf, temporaryPath } from '../../src/core/temporary-names.js';
import { FrameNames, frameFileName } from '../../src/media/frame-names.js';
import { FrameFolder } from '../../src/output/frame-folder.js';
import { GrowingFile } from '../../src/output/growing-file.js';
import { canMount, mountDisk } from '../helpers/small-disk.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const caught = (work: Promise<unknown>): Promise<Error> =>
	work.then(
		() => new Error('nothing was thrown'),
		(error: Error) => error,
	);

/** Number of a process that is no more. */
const deadProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;

/** The name that another process would have given. */
const nameBy = (pid: number, path: string): string => temporaryPath(path).replace(/\.\d+-/, `.${pid}-`);

describe('a file until it is complete', () => {
	test('has a name that no other has, in its folder, and is found by its own', () => {
		const names = Array.from({ length: 100 }, () => temporaryPath('/a/b/matte.mp4'));
		expect(new Set(names).size).toBe(100);
		expect(names[0]).toMatch(/^\/a\/b\/\.matte\.mp4\..*\.partial$/);
	});

	test.each(['x'.repeat(250), `${'ä'.repeat(120)}.mp4`])(
		'may have the longest name there is',
		async (name) => {
			const folder = temporaryFolder();
			await writeFileAtomically(join(folder, name), Buffer.from('all'));
			expect(readdirSync(folder)).toEqual([name]);
			writeFileSync(nameBy(deadProcess(), join(folder, name)), 'left');
			await clearLeftoversOf(join(folder, name));
			expect(readdirSync(folder)).toEqual([name]);
		},
	);

	test('is removed when its process is gone, and only then', async () => {
		const folder = temporaryFolder();
		const left = nameBy(deadProcess(), join(folder, 'a.mp4'));
		const others = [nameBy(deadProcess(), join(folder, 'b.mp4')), temporaryPath(join(folder, 'a.mp4'))];
		const alike = ['.a.mp4.partial', 'a.mp4.partial', '.a.mp4.1-2-3-4.partial'].map((n) => join(folder, n));
		for (const path of [left, ...others, ...alike]) {
			writeFileSync(path, '');
		}
		expect(await clearLeftoversOf(join(folder, 'a.mp4'))).toEqual([]);
		expect(readdirSync(folder).sort()).toEqual(
			[...others, ...alike].map((p) => p.slice(folder.length + 1)).sort(),
		);
		await clearLeftovers(folder);
		expect(readdirSync(folder)).toHaveLength(4);
	});

	test('of another boot is left, of another machine it is kept', async () => {
		const folder = temporaryFolder();
		const path = temporaryPath(join(folder, 'a.mp4'));
		const parts = /^(.*-)([0-9a-f]{6})-([0-9a-f]{6})(-[0-9a-f]{8}\.partial)$/.exec(path) ?? [];
		writeFileSync(`${parts[1]}ffffff-${parts[3]}${parts[4]}`, '');
		await clearLeftovers(folder);
		expect(readdirSync(folder)).toHaveLength(1);
	});

	test('which another process writes at this moment is refused to a second one', async () => {
		const folder = temporaryFolder();
		const path = join(folder, 'a.json');
		const code = `
			const { GrowingFile } = await import(${JSON.stringify(new URL('../../dist/output/growing-file.js', import.meta.url).href)});
			try { await GrowingFile.open(${JSON.stringify(path)}, 'overwrite'); } catch (error) { process.stdout.write(error.message); }`;
		const file = await GrowingFile.open(path, 'refuse');
		const second = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
		expect(second.stdout).toContain(
			`is being written by another run at this moment (process ${process.pid})`,
		);
		await file.append('whole');
		await file.finish();
		expect(readdirSync(folder)).toEqual(['a.json']);
	});

	test.skipIf(process.platform !== 'linux')(
		'is nobody’s when its process was killed, though nobody has asked how it ended (Linux)',
		async () => {
			const folder = temporaryFolder();
			const path = join(folder, 'a.json');
			const code = `
				const { GrowingFile } = await import(${JSON.stringify(new URL('../../dist/output/growing-file.js', import.meta.url).href)});
				await GrowingFile.open(${JSON.stringify(path)}, 'refuse');
				process.stdout.write(String(process.pid));
				setInterval(() => {}, 1000);`;
			// Its parent becomes a program that never asks.
			const parent = spawn('sh', [
				'-c',
				'"$@" & exec sleep 600',
				'sh',
				process.execPath,
				'--input-type=module',
				'-e',
				code,
			]);
			try {
				const writer = Number(String((await once(parent.stdout, 'data'))[0]));
				expect((await caught(GrowingFile.open(path, 'refuse'))).message).toContain(`(process ${writer})`);

				process.kill(writer, 'SIGKILL');
				await vi.waitFor(() => expect(readFileSync(`/proc/${writer}/stat`, 'latin1')).toMatch(/\) Z /));
				const file = await GrowingFile.open(path, 'refuse');
				await file.finish();
				expect(readdirSync(folder)).toEqual(['a.json']);
			} finally {
				parent.kill('SIGKILL');
			}
		},
	);
});

describe('links', () => {
	test('are never written through: neither a temporary name nor the final one leads elsewhere', async () => {
		const folder = temporaryFolder();
		const precious = join(folder, 'precious');
		writeFileSync(precious, 'precious');
		for (const name of ['out.json', 'out.json.partial', '.out.json.partial']) {
			symlinkSync(precious, join(folder, name));
		}
		const file = await GrowingFile.open(join(folder, 'out.json'), 'overwrite');
		await file.append('{}');
		await file.finish();
		await writeFileAtomically(join(folder, 'out.json.partial'), Buffer.from('mine'));
		expect(readFileSync(precious, 'utf8')).toBe('precious');
		expect(readFileSync(join(folder, 'out.json'), 'utf8')).toBe('{}');
	});

	test('that lead nowhere are no free names, and no folders', async () => {
		const folder = temporaryFolder();
		symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
		expect((await caught(GrowingFile.open(join(folder, 'link'), 'refuse'))).message).toContain(
			'exists already',
		);
		const { message } = await caught(makeFolder(join(folder, 'link', 'masks')));
		expect(message).toMatch(/link" is a link to a place that does not exist/);
		expect(readdirSync(folder)).toEqual(['link']);
	});
});

describe('names that results are to get', () => {
	test('are free where nothing is, not even a link to nowhere', async () => {
		const folder = temporaryFolder();
		const [free, file, link] = ['free', 'file', 'link'].map((name) => join(folder, name)) as [
			string,
			string,
			string,
		];
		writeFileSync(file, 'precious');
		symlinkSync(join(folder, 'nowhere'), link);
		await requireFree([free, undefined], false);
		for (const taken of [file, link]) {
			const error = await caught(requireFree([free, taken], undefined));
			expect(error).toBeInstanceOf(UserError);
			expect(error.message).toBe(`"${taken}" exists already; choose another name, or add --overwrite.`);
		}
		await requireFree([free, file, link], true);
	});

	test('are files, whatever may be replaced', async () => {
		const folder = temporaryFolder();
		mkdirSync(join(folder, 'clip.mp4'));
		const messages = await Promise.all(
			[folder, join(folder, 'clip.mp4'), '-'].map(
				async (path) => (await caught(requireFree([path], true))).message,
			),
		);
		expect(messages).toEqual([
			`"${folder}" is a folder; give the name of a file.`,
			`"${join(folder, 'clip.mp4')}" is a folder; give the name of a .mp4 file.`,
			expect.stringContaining('cannot be written to standard output'),
		]);
	});
});

test('a file that somebody else has made meanwhile is not replaced', async () => {
	const folder = temporaryFolder();
	const path = join(folder, 'a.json');
	const file = await GrowingFile.open(path, 'refuse');
	await file.append('{}');
	writeFileSync(path, 'precious');
	const error = await caught(file.finish());
	expect(error.message).toContain('has been made by somebody else meanwhile');
	expect(error).not.toBeInstanceOf(UserError);
	await file.abort();
	expect(readdirSync(folder)).toEqual(['a.json']);
	expect(readFileSync(path, 'utf8')).toBe('precious');
	writeFileSync(join(folder, 'part'), 'new');
	expect(await publish(join(folder, 'part'), path, true)).toEqual({ path, bytes: 3 });
});

describe('a cause is told as it is', () => {
	test.each([
		['EROFS', UserError, /the disk is read-only/],
		['EACCES', UserError, /not permitted there/],
		['ENOSPC', UserError, /the disk is full/],
		['ENAMETOOLONG', UserError, /name is too long/],
		['ENOENT', Error, /has been removed or renamed in the meantime/],
		['EIO', Error, /the disk reported an error/],
	])('%s', (code, kind, words) => {
		const failure = writeFailure('/x/a.png', Object.assign(new Error('raw'), { code })) as Error;
		expect(failure.constructor).toBe(kind);
		expect(failure.message).toMatch(words);
		expect(failure.message).not.toContain('\n');
	});

	test('a folder that has gone is not called read-only', async () => {
		const folder = join(temporaryFolder(), 'masks');
		const frames = await FrameFolder.open(FrameNames.inFolder(folder), 'refuse');
		renameSync(folder, `${folder}-elsewhere`);
		const writing = frames.write('00000.png', Buffer.from('x')).then(() => frames.finish());
		const { message } = await caught(writing);
		expect(message).toMatch(/removed or renamed/);
		await frames.abort();
	});

	test.skipIf(!canMount)('a folder below a read-only disk is (needs root on Linux)', async () => {
		const disk = mountDisk('size=64k');
		disk.remount('ro');
		for (const path of ['a', 'a/b/c']) {
			expect((await caught(makeFolder(join(disk.folder, path)))).message).toContain('the disk is read-only');
		}
	});
});

describe('a folder of frames', () => {
	test('takes frames faster than the disk, and has all of them at the end', async () => {
		const folder = join(temporaryFolder(), 'masks');
		const frames = await FrameFolder.open(FrameNames.inFolder(folder), 'refuse');
		for (let index = 0; index < 200; index++) {
			await frames.write(frameFileName(index), Buffer.from(`frame ${index}`));
		}
		const files = await frames.finish();
		expect(files).toHaveLength(200);
		expect(readdirSync(folder)).toHaveLength(200);
		expect(readFileSync(join(folder, '00123.png'), 'utf8')).toBe('frame 123');
	});

	test('that was made for nothing goes; one that was there stays', async () => {
		const place = temporaryFolder();
		await (await FrameFolder.open(FrameNames.inFolder(join(place, 'new')), 'refuse')).abort();
		mkdirSync(join(place, 'old'));
		await (await FrameFolder.open(FrameNames.inFolder(join(place, 'old')), 'refuse')).abort();
		expect(readdirSync(place)).toEqual(['old']);
		expect(readdirSync(join(place, 'old'))).toEqual([]);
	});

	test('tells what went wrong beside the work', async () => {
		const folder = join(temporaryFolder(), 'masks');
		const frames = await FrameFolder.open(FrameNames.inFolder(folder), 'refuse');
		mkdirSync(join(folder, '00001.png', 'in the way'), { recursive: true });
		await frames.write('00001.png', Buffer.from('x'));
		const { message } = await caught(frames.finish());
		expect(message).toMatch(/cannot be written/);
		await frames.abort();
		expect(readdirSync(folder)).toEqual(['00001.png']);
		rmSync(folder, { recursive: true });
	});
});
