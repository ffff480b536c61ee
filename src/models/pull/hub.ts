import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { firstLineOf, throwIfAborted, UserError } from '../../core/errors.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** Nothing is waited for longer than this: an answer's beginning, the whole of a short answer, or the next piece of a file. */
const PATIENCE_MS = 60_000;

/** A page of a list, or what is said of a model or an error, is never larger. */
const MOST_ANSWER_BYTES = 32 << 20;
/** A repository has no more pages of files than this, at a thousand files each. */
const MOST_PAGES = 200;

/** A hub, or a mirror of it, and how to reach it. */
export type Hub = {
	readonly endpoint: string;
	/** For repositories that ask for one's consent to their licence. */
	readonly accessToken: string | undefined;
	/** For short answers of the hub itself; they are read whole. */
	readonly ask: typeof fetch;
	/** For files, wherever the hub has them: only the hub gets the token. */
	readonly fetch: typeof fetch;
	/** Milliseconds that nothing may come. */
	readonly patience: number;
	readonly signal: AbortSignal | undefined;
};

/** The hub that `HF_ENDPOINT` names, else the public one; `HF_TOKEN` is sent along where it is set. */
export const openHub = (
	signal?: AbortSignal,
	env: NodeJS.ProcessEnv = process.env,
	patience: number = PATIENCE_MS,
): Hub => {
	const endpoint = (env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, '');
	const origin = originOf(endpoint);
	return {
		endpoint,
		accessToken: env.HF_TOKEN || undefined,
		ask: async (input, init) => {
			const url = addressOf(input);
			if (originOf(url) !== origin) {
				throw new UserError(
					`The hub ${endpoint} goes on at another address (${url.slice(0, 200)}), which is not followed; try another mirror with HF_ENDPOINT.`,
				);
			}
			return impatiently(signal, patience, async (either) => {
				const response = await fetch(input, { ...init, signal: either });
				return withBody(response, await shortBody(response, endpoint));
			});
		},
		fetch: async (input, init) => {
			const headers = new Headers(init?.headers);
			if (originOf(addressOf(input)) !== origin) {
				headers.delete('authorization');
			}
			return impatiently(signal, patience, async (either) => {
				const response = await fetch(input, { ...init, headers, signal: either });
				if (headers.get('range') === 'bytes=0-0') {
					// Only the headers are wanted; a server that ignores ranges would send all of a file.
					await response.body?.cancel();
					return withBody(response, null);
				}
				return response.ok ? response : withBody(response, await shortBody(response, endpoint));
			});
		},
		patience,
		signal,
	};
};

const addressOf = (input: Parameters<typeof fetch>[0]): string =>
	input instanceof Request ? input.url : String(input);

const originOf = (address: string): string | undefined =>
	URL.canParse(address) ? new URL(address).origin : undefined;

/** Connections end with the command, with Ctrl-C, and when the work is not done in time. */
const impatiently = async <Result>(
	signal: AbortSignal | undefined,
	patience: number,
	work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
	const silence = new AbortController();
	const timer = setTimeout(() => silence.abort(silenceError(patience)), patience);
	try {
		return await work(signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]));
	} finally {
		clearTimeout(timer);
	}
};

export const silenceError = (patience: number): Error =>
	new Error(`it was silent for ${Math.round(patience / 1000)} s`);

const withBody = (
	{ status, statusText, headers }: Response,
	body: Uint8Array<ArrayBuffer> | null,
): Response => new Response(body, { status, statusText, headers });

const shortBody = async ({ body }: Response, endpoint: string): Promise<Uint8Array<ArrayBuffer>> => {
	const pieces: Uint8Array[] = [];
	let bytes = 0;
	for await (const piece of body ?? []) {
		bytes += piece.length;
		if (bytes > MOST_ANSWER_BYTES) {
			throw new UserError(
				`The hub ${endpoint} answers with more than ${MOST_ANSWER_BYTES >> 20} MB where a short answer is due; try another mirror with HF_ENDPOINT.`,
			);
		}
		pieces.push(piece);
	}
	return new Uint8Array(Buffer.concat(pieces));
};

/** A repository at one commit, so that what is listed is what is downloaded. */
export type RepositorySnapshot = {
	readonly repository: string;
	/** Hexadecimal commit hash. */
	readonly commit: string;
	/** The licence's identifier, as the repository gives it. */
	readonly license: string | undefined;
};

export type RepositoryFile = {
	readonly path: string;
	readonly bytes: number;
	/** Of large files (LFS): SHA-256. Of others git's own checksum: SHA-1 of `blob <size>\0` and the content. */
	readonly checksum: { readonly kind: 'sha256' | 'git'; readonly hex: string };
};

/** The hub's client with this hub's settings. */
const clientOptions = ({ endpoint, accessToken, ask }: Hub) => ({
	hubUrl: endpoint,
	fetch: ask,
	...(accessToken === undefined ? {} : { accessToken }),
});

export const readSnapshot = async (
	hub: Hub,
	repository: string,
	revision: string,
): Promise<RepositorySnapshot> =>
	explainingHub(hub, repository, async () => {
		const info = await modelInfo({
			...clientOptions(hub),
			name: repository,
			revision,
			additionalFields: ['sha', 'tags'],
		});
		if (!/^[0-9a-f]{40}$/.test(info.sha)) {
			throw new UserError(`The hub gave no usable commit for ${repository}; try another mirror.`);
		}
		const tags = tagsSchema.parse(info.tags);
		const license = tags.find((tag) => tag.startsWith('license:'))?.slice('license:'.length);
		return { repository, commit: info.sha, license };
	});

/** What else stands there is not needed. */
const tagsSchema = z.array(z.string()).catch([]);

/** @throws UserError for names that would lead out of the folder they are downloaded to */
export const listSnapshot = async (hub: Hub, snapshot: RepositorySnapshot): Promise<RepositoryFile[]> =>
	explainingHub(hub, snapshot.repository, async () => {
		const files: RepositoryFile[] = [];
		let pages = 0;
		const entries = listFiles({
			...clientOptions(hub),
			fetch: (input, init) => {
				if (++pages > MOST_PAGES) {
					throw new UserError(
						`${hub.endpoint} lists the files of ${snapshot.repository} without end; try another mirror with HF_ENDPOINT.`,
					);
				}
				return hub.ask(input, init);
			},
			repo: snapshot.repository,
			revision: snapshot.commit,
			recursive: true,
		});
		for await (const entry of entries) {
			if (entry.type === 'file') {
				files.push(readEntry(entry, snapshot));
			}
		}
		return files;
	});

const sizeSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const entrySchema = z.object({
	path: z.string().min(1),
	size: sizeSchema,
	oid: z.string().optional(),
	lfs: z.object({ oid: z.string(), size: sizeSchema }).optional(),
});

const readEntry = (entry: unknown, { repository }: RepositorySnapshot): RepositoryFile => {
	const read = entrySchema.safeParse(entry);
	if (!read.success) {
		throw new UserError(
			`The repository ${repository} lists a file that can't be: ${z.prettifyError(read.error).replaceAll('\n', ' ')}; try another mirror with HF_ENDPOINT.`,
		);
	}
	const { path, size, oid, lfs } = read.data;
	if (path.split('/').includes('..') || /[\\:\0]|^\//.test(path)) {
		throw new UserError(
			`The repository ${repository} lists the file ${JSON.stringify(path)}, which leads out of its folder; it was refused.`,
		);
	}
	return {
		path,
		bytes: lfs?.size ?? size,
		checksum: lfs === undefined ? { kind: 'git', hex: oid ?? '' } : { kind: 'sha256', hex: lfs.oid },
	};
};

/** Turns what the network and the hub answer with into sentences. */
export const explainingHub = async <Result>(
	hub: Hub,
	repository: string,
	work: () => Promise<Result>,
): Promise<Result> => {
	try {
		return await work();
	} catch (error) {
		throwIfAborted(hub.signal);
		if (error instanceof UserError) {
			throw error;
		}
		if (error instanceof HubApiError) {
			throw new UserError(sentenceFor(error.statusCode, hub, repository), { cause: error });
		}
		if (isWrongAnswer(error)) {
			throw new UserError(
				`What ${hub.endpoint} says of ${repository} is not what a hub says; check HF_ENDPOINT, or try another mirror with it.`,
				{ cause: error },
			);
		}
		const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
		throw new UserError(
			`The hub ${hub.endpoint} can't be reached (${firstLineOf(cause)}); check the connection, or set HF_ENDPOINT to a mirror and run again: what was downloaded is kept.`,
			{ cause: error },
		);
	}
};

/** Whether an answer came, but not of the shape that the hub's client takes for granted. A connection that fails has a cause. */
const isWrongAnswer = (error: unknown): boolean =>
	error instanceof SyntaxError || (error instanceof TypeError && error.cause === undefined);

const sentenceFor = (status: number, { endpoint }: Hub, repository: string): string => {
	if (status === 401 || status === 403) {
		return `${endpoint}/${repository} is not open to everyone: accept its licence there and set HF_TOKEN, or choose another export with --repository.`;
	}
	return status === 404
		? `${endpoint} has no repository ${repository} (or not this revision); choose another export with --repository.`
		: `${endpoint} answered with status ${status} for ${repository}; run again later: what was downloaded is kept.`;
};
