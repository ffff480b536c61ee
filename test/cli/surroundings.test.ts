import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import installer from '@ffmpeg-installer/ffmpeg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BoxClip, makeBoxClip } from '../helpers/box-clip.js';
import { type CliResult, quickCliPath } from '../helpers/cli.js';
import { canMount, mountDisk } from '../helpers/small-disk.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 180_000 });

let folder: string;
let good: BoxClip;
beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-surroundings-'));
	good = await makeBoxClip(folder, 4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command as a shell does after `prepare`. */
const inShell = async (
	prepare: string,
	args: readonly string[],
	{ cwd = temporaryFolder(), stdout = 'pipe' as 'pipe' | number, env = {} } = {},
): Promise<CliResult> => {
	const child = spawn('sh', ['-c', `${prepare}; exec "$@"`, 'sh', process.execPath, quickCliPath, ...args], {
		cwd,
		env: { ...process.env, ...env },
		stdio: ['pipe', stdout, 'pipe'],
	});
	const said = { stdout: '', stderr: '' };
	child.stdout?.on('data', (data: Buffer) => {
		said.stdout += data.toString();
	});
	child.stderr?.on('data', (data: Buffer) => {
		said.stderr += data.toString();
	});
	child.stdin?.on('error', () => {});
	child.stdin?.end(readFileSync(good.clip));
	const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
	return { code, ...said };
};

const lastLine = ({ stderr }: CliResult): string | undefined => stderr.trim().split('\n').at(-1);

describe.skipIf(process.platform !== 'linux')('where the session sets limits, it says which (Linux)', () => {
	it.each([40, 24])('%i open files', async (files) => {
		const result = await inShell(`ulimit -n ${files}`, [good.clip, '--mask', good.mask]);
		expect([1, 2]).toContain(result.code);
		expect(result.stderr).toMatch(
			/^propagate: [^\n]*too many files are open; raise the limit \(ulimit -n\)/i,
		);
	});

	it('files that end at 2 KB', async () => {
		const cwd = temporaryFolder();
		const result = await inShell('ulimit -f 4', [good.clip, '--mask', good.mask, '-o', 'a.mkv'], { cwd });
		expect(result.code).toBe(2);
		expect(lastLine(result)).toMatch(/"a.mkv" cannot be written: .*ulimit -f/);
		expect(readdirSync(cwd)).toEqual([]);
	});

	it('a folder that is gone', async () => {
		const cwd = join(temporaryFolder(), 'here');
		mkdirSync(cwd);
		const result = await inShell(`rmdir '${cwd}'`, [good.clip, '--mask', good.mask], { cwd });
		expect([result.code, result.stderr]).toEqual([
			1,
			'propagate: The folder that this is called from has been removed; go to another one (cd).\n',
		]);
	});

	it('an output that takes nothing: /dev/full', async () => {
		const cwd = temporaryFolder();
		const stdout = openSync('/dev/full', 'w');
		const args = [good.clip, '--mask', good.mask, '-o', 'masks', '--json'];
		const result = await inShell(':', args, { cwd, stdout });
		expect([result.code, result.stderr]).toEqual([
			1,
			'propagate: "standard output" cannot be written: the disk is full; free some space and run again.\n',
		]);
	});

	it.skipIf(!canMount)('a temporary folder on a read-only disk (needs root)', async () => {
		const disk = mountDisk('size=64k');
		disk.remount('ro');
		const env = { TMPDIR: disk.folder };
		const piped = await inShell(':', ['-', '--mask', good.mask, '-o', 'masks'], { env });
		expect(piped.code).toBe(2);
		expect(lastLine(piped)).toBe(
			`propagate: "${disk.folder}" cannot be written: the disk is read-only; choose another place.`,
		);
		// Who needs none does without.
		expect((await inShell(':', [good.clip, '--mask', good.mask, '-o', 'masks'], { env })).code).toBe(0);
	});

	it.each([
		['SIGSEGV', /ffmpeg crashed while working on .*\(SIGSEGV\); try another one with --ffmpeg\.$/],
		['SIGKILL', /ffmpeg was ended from outside while working on .*\(SIGKILL\)/],
	])('an ffmpeg that ends by %s', async (signal, said) => {
		const program = join(temporaryFolder(), 'ffmpeg');
		// It tells what it is, and reads clips; when it is to write one, it dies.
		writeFileSync(
			program,
			`#!/bin/sh\ncase "$*" in *matte.mkv*partial*) kill -${signal.slice(3)} $$;; esac\nexec '${installer.path}' "$@"\n`,
			{ mode: 0o755 },
		);
		const args = [good.clip, '--mask', good.mask, '-o', 'matte.mkv', '--ffmpeg', program];
		const result = await inShell(':', args);
		expect(result.code).toBe(1);
		expect(lastLine(result)).toMatch(said);
	});
});
