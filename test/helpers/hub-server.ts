import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HubFile = {
	readonly content: Uint8Array;
	/** Stored as a large file, with its SHA-256 in the listing. */
	readonly lfs?: boolean;
	/** Sent instead of the content. */
	readonly corrupted?: Uint8Array;
	/** The size that the listing claims. */
	readonly claimedBytes?: number;
};

/** A server on the loopback interface that answers as the hub does, and as the hub's bad days do. */
export type HubServer = {
	readonly url: string;
	/** Ranges of the requests for file contents, in order: `path start`. */
	readonly requests: string[];
	/** Cuts the connection after so many bytes of the next content that is sent. */
	cutNextAfter(bytes: number): void;
	close(): Promise<void>;
};

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

const gitOid = (content: Uint8Array): string =>
	createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

export const startHub = async (
	repositories: Readonly<Record<string, Readonly<Record<string, HubFile>>>>,
): Promise<HubServer> => {
	const requests: string[] = [];
	let cutAfter: number | undefined;

	const sendFile = (
		file: HubFile,
		path: string,
		request: IncomingMessage,
		response: ServerResponse,
	): void => {
		const content = file.corrupted ?? file.content;
		const range = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '');
		const start = Number(range?.[1] ?? 0);
		const end = Math.min(Number(range?.[2] ?? content.length - 1), content.length - 1);
		response.setHeader('etag', `"${gitOid(file.content)}"`);
		if (range !== null) {
			response.statusCode = 206;
			response.setHeader('content-range', `bytes ${start}-${end}/${content.length}`);
		}
		const body = content.subarray(start, end + 1);
		response.setHeader('content-length', body.length);
		if (request.headers.range === 'bytes=0-0') {
			response.end(body);
			return;
		}
		requests.push(`${path} ${start}`);
		if (cutAfter !== undefined && body.length > cutAfter) {
			response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 50));
			cutAfter = undefined;
			return;
		}
		response.end(body);
	};

	const server = createServer((request, response) => {
		const { pathname } = new URL(request.url ?? '', 'http://hub');
		const json = (value: unknown): void => {
			response.setHeader('content-type', 'application/json');
			response.end(JSON.stringify(value));
		};
		const [, repository = '', action, path = ''] =
			/^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(revision|tree|resolve)\/[^/]+(?:\/(.*))?$/.exec(pathname) ?? [];
		const files = repositories[repository];
		if (files === undefined) {
			response.statusCode = repository.startsWith('gated/') ? 403 : 404;
			json({ error: 'Repository not found' });
		} else if (action === 'revision') {
			json({
				_id: '1',
				id: repository,
				sha: COMMIT,
				private: false,
				gated: false,
				downloads: 0,
				likes: 0,
				lastModified: '2024-01-01T00:00:00.000Z',
				tags: ['onnx', 'license:creativeml-openrail-m'],
			});
		} else if (action === 'tree') {
			json(
				Object.entries(files).map(([name, { content, lfs, claimedBytes }]) => ({
					type: 'file',
					path: name,
					size: claimedBytes ?? content.length,
					oid: gitOid(content),
					...(lfs === true
						? {
								lfs: {
									oid: createHash('sha256').update(content).digest('hex'),
									size: claimedBytes ?? content.length,
									pointerSize: 130,
								},
							}
						: {}),
				})),
			);
		} else {
			const file = files[decodeURIComponent(path)];
			if (file === undefined) {
				response.statusCode = 404;
				response.setHeader('x-error-code', 'EntryNotFound');
				json({ error: 'Entry not found' });
			} else {
				sendFile(file, path, request, response);
			}
		}
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		cutNextAfter: (bytes) => {
			cutAfter = bytes;
		},
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
};
