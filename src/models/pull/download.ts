import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { downloadFile } from '@huggingface/hub';
import { makeFolder, openTemporary, publish, syncPath, writeFailure } from '../../core/atomic-file.js';
import { throwIfAborted, UserError } from '../../core/errors.js';
import { openRegularFile } from '../../core/regular-file.js';
import { clearLeftoversOf } from '../../core/temporary-names.js';
import { anotherIsWriting } from '../../output/growing-file.js';
import {
	explainingHub,
	type Hub,
	type RepositoryFile,
	type RepositorySnapshot,
	silenceError,
} from './hub.js';

/** Connections that break are taken up again this often before the command gives up (and keeps what it has). */
const ATTEMPTS = 4;

const sizeOf = async (path: string): Promise<number | undefined> =>
	(await stat(path).catch(() => undefined))?.size;

const checksumOf = async (path: string, { bytes, checksum }: RepositoryFile, signal?: AbortSignal) => {
	const hash = createHash(checksum.kind === 'sha256' ? 'sha256' : 'sha1');
	if (checksum.kind === 'git') {
		hash.update(`blob ${bytes}\0`);
	}
	await pipeline(
		(await openRegularFile(path)).createReadStream(),
		hash,
		signal === undefined ? {} : { signal },
	);
	return hash.digest('hex');
};

/**
 * Downloads one file of a repository, going on where an earlier try stopped, and checks it against the repository's
 * own checksum. It appears under its name only when it is complete and right.
 *
 * @param onBytes told of every piece that is there, including what an earlier try had fetched
 * @throws UserError when the hub can't be reached, the disk is full, the content is wrong, or another process downloads it
 */
export const download = async (
	hub: Hub,
	snapshot: RepositorySnapshot,
	file: RepositoryFile,
	target: string,
	onBytes: (bytes: number) => void,
): Promise<void> => {
	if ((await sizeOf(target)) === file.bytes) {
		if ((await checksumOf(target, file, hub.signal)) === file.checksum.hex) {
			onBytes(file.bytes);
			return;
		}
		await rm(target);
	}
	await makeFolder(dirname(target), 0o700);
	const claim = await openTemporary(target);
	try {
		await claim.file.close();
		const others = await clearLeftoversOf(target);
		if (others.length > 0) {
			throw anotherIsWriting(target, others);
		}
		await downloadTo(`${target}.partial`, hub, snapshot, file, target, onBytes);
	} finally {
		await rm(claim.partial, { force: true });
	}
};

/** @param partial what an earlier try has left is there, unlike other temporary files */
const downloadTo = async (
	partial: string,
	hub: Hub,
	snapshot: RepositorySnapshot,
	file: RepositoryFile,
	target: string,
	onBytes: (bytes: number) => void,
): Promise<void> => {
	const left = await lstat(partial).catch(() => undefined);
	if (left !== undefined && (!left.isFile() || left.size > file.bytes)) {
		await rm(partial, { recursive: true });
	}
	onBytes((await sizeOf(partial)) ?? 0);
	for (let attempt = 1; ; attempt++) {
		throwIfAborted(hub.signal);
		try {
			await fetchRest(hub, snapshot, file, partial, onBytes);
			break;
		} catch (error) {
			throwIfAborted(hub.signal);
			const failure = writeFailure(target, error);
			if (failure instanceof UserError || attempt === ATTEMPTS) {
				throw await explainingHub(hub, snapshot.repository, () => Promise.reject(failure)).catch(
					(explained: unknown) => explained,
				);
			}
		}
	}
	if ((await checksumOf(partial, file, hub.signal)) !== file.checksum.hex) {
		await rm(partial);
		throw new UserError(
			`What ${hub.endpoint} sent as ${file.path} of ${snapshot.repository} does not match its checksum and was thrown away; run again, or try another mirror with HF_ENDPOINT.`,
		);
	}
	await syncPath(partial);
	await publish(partial, target, true);
};

/** Appends to the partial file what it lacks. */
const fetchRest = async (
	hub: Hub,
	snapshot: RepositorySnapshot,
	{ path, bytes }: RepositoryFile,
	partial: string,
	onBytes: (bytes: number) => void,
): Promise<void> => {
	const have = (await sizeOf(partial)) ?? 0;
	if (have === bytes && bytes > 0) {
		return;
	}
	const blob = await downloadFile({
		repo: snapshot.repository,
		path,
		revision: snapshot.commit,
		hubUrl: hub.endpoint,
		fetch: insistingOnRanges(hub.fetch),
		// Plain ranges of one file: they can be resumed on every mirror.
		xet: false,
		...(hub.accessToken === undefined ? {} : { accessToken: hub.accessToken }),
	});
	if (blob === null || blob.size !== bytes) {
		throw new UserError(
			`${hub.endpoint} has ${path} of ${snapshot.repository} with ${blob?.size ?? 'no'} bytes where its list says ${bytes}; try another mirror with HF_ENDPOINT.`,
		);
	}
	const body = Readable.fromWeb((have === 0 ? blob : blob.slice(have)).stream() as ReadableStream);
	const silence = setTimeout(() => body.destroy(silenceError(hub.patience)), hub.patience);
	let there = have;
	const bounded = async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
		for await (const piece of pieces) {
			silence.refresh();
			there += piece.length;
			if (there > bytes) {
				throw new UserError(
					`${hub.endpoint} sends more than the ${bytes} bytes that ${path} of ${snapshot.repository} has by its list; try another mirror with HF_ENDPOINT.`,
				);
			}
			onBytes(piece.length);
			yield piece;
		}
	};
	try {
		// Never through a link.
		const file = await open(partial, WRITE | (have === 0 ? constants.O_TRUNC : constants.O_APPEND));
		await pipeline(
			body,
			bounded,
			file.createWriteStream(),
			hub.signal === undefined ? {} : { signal: hub.signal },
		);
	} finally {
		clearTimeout(silence);
	}
	if ((await sizeOf(partial)) !== bytes) {
		throw new Error(`the connection ended ${bytes - ((await sizeOf(partial)) ?? 0)} bytes early`);
	}
};

const WRITE = constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** A server that ignores ranges would send the beginning again, to be appended to what is there. */
const insistingOnRanges =
	(original: typeof fetch): typeof fetch =>
	async (input, init) => {
		const response = await original(input, init);
		const range = new Headers(init?.headers).get('range');
		const fromStart = range === null || range === 'bytes=0-0' || range.startsWith('bytes=0-');
		if (response.status === 200 && !fromStart) {
			await response.body?.cancel();
			throw new Error('the server does not resume downloads');
		}
		return response;
	};
