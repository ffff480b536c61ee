import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeFailure } from '../core/atomic-file.js';
import { AbortedError, UserError } from '../core/errors.js';
import { scratchPath } from '../core/temporary-names.js';

const standardInput = /^(-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/;

/**
 * An input that can be read only once, from its beginning on, as a file that can be read as often as frames are wanted: what
 * comes out of a pipe is kept in the temporary folder until the program ends.
 *
 * @returns the path itself when it is an ordinary file, a folder or nothing at all
 * @throws UserError when nothing comes, or there is no room for it
 * @throws AbortedError when the signal fires, also while nobody writes into the pipe
 */
export const seekableInput = async (path: string, signal?: AbortSignal): Promise<string> => {
	const isStandardInput = standardInput.test(path);
	if (!isStandardInput) {
		const stats = await stat(path).catch(() => undefined);
		if (stats === undefined || !(stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice())) {
			return path;
		}
		if (!stats.isFIFO()) {
			throw new UserError(`"${path}" is a device, not a file; give a video file or a pipe.`);
		}
	}
	if (isStandardInput && process.stdin.isTTY) {
		throw new UserError('There is nothing on standard input; pipe a video into the command, or name a file.');
	}
	const folder = await scratchPath('propagate-input');
	await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
		throw writeFailure(tmpdir(), error);
	});
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	const copy = join(folder, isStandardInput ? 'stdin' : basename(path));
	const { stream, end } = openPipe(path, isStandardInput);
	try {
		await pipeline(stream, createWriteStream(copy, { flags: 'wx' }), { signal });
	} catch (error) {
		rmSync(folder, { recursive: true, force: true });
		throw signal?.aborted ? new AbortedError() : writeFailure(copy, error);
	} finally {
		end();
	}
	if ((await stat(copy)).size === 0) {
		rmSync(folder, { recursive: true, force: true });
		throw new UserError(
			`Nothing came from ${isStandardInput ? 'standard input' : `"${path}"`}; pipe a video into it.`,
		);
	}
	return copy;
};

/** A pipe without a writer holds whoever opens it, and a process cannot end before: another one waits in its place. */
const openPipe = (
	path: string,
	isStandardInput: boolean,
): { readonly stream: Readable; readonly end: () => void } => {
	if (isStandardInput) {
		return { stream: process.stdin, end: () => process.stdin.destroy() };
	}
	if (/^\/(dev|proc\/self)\/fd\/\d+$/.test(path)) {
		const stream = createReadStream('', { fd: Number(basename(path)) });
		return { stream, end: () => stream.destroy() };
	}
	const reader = spawn('cat', ['--', path], { stdio: ['ignore', 'pipe', 'ignore'] });
	reader.on('error', (error) => reader.stdout.destroy(error));
	return { stream: reader.stdout, end: () => reader.kill('SIGKILL') };
};
