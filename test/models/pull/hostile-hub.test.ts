import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { download } from '../../../src/models/pull/download.js';
import {
	type Hub,
	listSnapshot,
	openHub,
	type RepositoryFile,
	readSnapshot,
} from '../../../src/models/pull/hub.js';
import { COMMIT } from '../../helpers/hub-server.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on the loopback interface that answers as it likes. */
const serve = async (answer: Answer): Promise<string> => {
	const server = createServer(answer);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const snapshot = { repository: 'a/b', commit: COMMIT, license: undefined };
const content = Buffer.from('The contents of a small file.');
const file: RepositoryFile = {
	path: 'unet/model.onnx',
	bytes: content.length,
	checksum: { kind: 'sha256', hex: createHash('sha256').update(content).digest('hex') },
};

/** Long enough for a busy machine, and short for those that wait for it to be over. */
const [PATIENT, IMPATIENT] = [30_000, 700];

const hubAt = (endpoint: string, patience = PATIENT, token?: string): Hub =>
	openHub(
		undefined,
		{ HF_ENDPOINT: endpoint, ...(token === undefined ? {} : { HF_TOKEN: token }) },
		patience,
	);

const refusal = async (work: Promise<unknown>): Promise<string> => {
	const error = await work.then(
		() => new Error('nothing was thrown'),
		(thrown: Error) => thrown,
	);
	expect(error).toBeInstanceOf(UserError);
	expect(error.message).not.toContain('\n');
	return error.message;
};

const json = (response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void => {
	response.writeHead(200, { 'content-type': 'application/json', ...headers });
	response.end(JSON.stringify(value));
};

/** Answers to the question for a file's size, and lets the rest of the requests be answered as wanted. */
const fileServer =
	(body: Answer): Answer =>
	(request, response) => {
		if (request.headers.range === 'bytes=0-0') {
			response.writeHead(206, { 'content-range': `bytes 0-0/${content.length}`, etag: '"1"' });
			response.end(content.subarray(0, 1));
			return;
		}
		body(request, response);
	};

const endless = (response: ServerResponse): void => {
	const piece = Buffer.alloc(1 << 16);
	const write = (): void => {
		while (!response.destroyed && response.write(piece)) {
			// Until the other end is slow.
		}
	};
	response.on('drain', write);
	write();
};

describe('a file', () => {
	const fetched = async (body: Answer, patience?: number): Promise<{ message: string; left: string[] }> => {
		const folder = temporaryFolder();
		const hub = hubAt(await serve(fileServer(body)), patience);
		const message = await refusal(download(hub, snapshot, file, join(folder, 'x.onnx'), () => {}));
		const left = readdirSync(folder);
		for (const name of left) {
			expect(readFileSync(join(folder, name)).length).toBeLessThanOrEqual(content.length);
		}
		return { message, left };
	};

	test('without end is cut at the size that was announced', async () => {
		const { message, left } = await fetched((_, response) => endless(response));
		expect(message).toMatch(/sends more than the 29 bytes/);
		expect(left).not.toContain('x.onnx');
	});

	test('that falls silent in the middle, or does not begin, is given up', async () => {
		const middle = await fetched((request, response) => {
			if (request.headers.range === undefined) {
				response.write(content.subarray(0, 5));
			}
		}, IMPATIENT);
		expect(middle.message).toMatch(/can't be reached|was silent/);
		expect(middle.left).toEqual(['x.onnx.partial']);
		expect((await fetched(() => {}, IMPATIENT)).message).toMatch(/was silent for/);
	});

	test('whose server ignores ranges is not taken whole to learn its size', async () => {
		const folder = temporaryFolder();
		const hub = hubAt(await serve((_, response) => endless(response)));
		expect(await refusal(download(hub, snapshot, file, join(folder, 'x.onnx'), () => {}))).toContain('hub');
		expect(existsSync(join(folder, 'x.onnx'))).toBe(false);
	});

	test('is not written through a link that lies in its way', async () => {
		const folder = temporaryFolder();
		writeFileSync(join(folder, 'precious'), 'precious');
		symlinkSync(join(folder, 'precious'), join(folder, 'x.onnx.partial'));
		const hub = hubAt(await serve(fileServer((_, response) => response.end(content))));
		await download(hub, snapshot, file, join(folder, 'x.onnx'), () => {});
		expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('precious');
		expect(readFileSync(join(folder, 'x.onnx'))).toEqual(content);
		expect(readdirSync(folder).sort()).toEqual(['precious', 'x.onnx']);
	});
});

describe('a list', () => {
	const entry = { type: 'file', path: 'unet/model.onnx', size: 5, oid: '0' };

	test('without end is given up', async () => {
		let pages = 0;
		const url = await serve((request, response) => {
			pages++;
			const next = `http://${request.headers.host}/api/models/a/b/tree/x?page=${pages}`;
			json(response, [], { link: `<${next}>; rel="next"` });
		});
		expect(await refusal(listSnapshot(hubAt(url), snapshot))).toContain('without end');
		expect(pages).toBeLessThanOrEqual(200);
	});

	test('that goes on elsewhere is not followed, and nobody else gets the token', async () => {
		const asked: (string | undefined)[] = [];
		const other = await serve((request, response) => {
			asked.push(request.headers.authorization);
			json(response, [entry]);
		});
		const url = await serve((_, response) => {
			json(response, [entry], { link: `<${other}/api/models/a/b/tree/x>; rel="next"` });
		});
		const hub = hubAt(url, PATIENT, 'hf_secret');
		expect(await refusal(listSnapshot(hub, snapshot))).toContain('goes on at another address');
		expect(asked).toEqual([]);
		await hub.fetch(`${other}/file`, { headers: { authorization: 'Bearer hf_secret' } });
		expect(asked).toEqual([undefined]);
	});

	test.each([
		['a size of −1', { ...entry, size: -1 }],
		['half a byte', { ...entry, size: 0.5 }],
		['more than any disk', { ...entry, size: 1e300 }],
		['a size of −1 in large files', { ...entry, lfs: { oid: '0', size: -1, pointerSize: 1 } }],
		['no name', { ...entry, path: '' }],
		['a name that is a number', { ...entry, path: 5 }],
	])('with %s is refused', async (_, wrong) => {
		const url = await serve((_request, response) => json(response, [wrong]));
		expect(await refusal(listSnapshot(hubAt(url), snapshot))).toContain("lists a file that can't be");
	});

	test('that never begins, or has one page without end, is given up', async () => {
		const silent = await serve(() => {});
		expect(await refusal(readSnapshot(hubAt(silent, IMPATIENT), 'a/b', 'main'))).toContain('was silent for');
		const flood = await serve((_, response) => endless(response));
		expect(await refusal(listSnapshot(hubAt(flood), snapshot))).toMatch(/more than 32 MB|was silent/);
	});
});

describe('an answer of another shape', () => {
	const answering = async (body: string): Promise<Hub> =>
		hubAt(
			await serve((_, response) => {
				response.writeHead(200, { 'content-type': 'application/json' });
				response.end(body);
			}),
		);
	const wrong = ['null', '7', '{}', '[1, null]', '{"sha": 5}', '<html>no JSON</html>', ''];

	test.each(wrong)('is told in a true sentence, be it of a model or of its files: %s', async (body) => {
		const hub = await answering(body);
		for (const work of [readSnapshot(hub, 'a/b', 'main'), listSnapshot(hub, snapshot)]) {
			expect(await refusal(work)).toMatch(/is not what a hub says|no usable commit/);
		}
	});

	test.each(['"x"', '[1, null]', 'null'])('does not matter where it is not needed: tags %s', async (tags) => {
		const hub = await answering(`{"sha": "${COMMIT}", "id": "a/b", "tags": ${tags}}`);
		expect(await readSnapshot(hub, 'a/b', 'main')).toMatchObject({ commit: COMMIT, license: undefined });
	});
});
