import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { messageOf, throwIfAborted, UserError } from '../../errors.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** A hub, or a mirror of it, and how to reach it. */
export type Hub = {
	readonly endpoint: string;
	/** For repositories that ask for one's consent to their licence. */
	readonly accessToken: string | undefined;
	readonly fetch: typeof fetch;
	readonly signal: AbortSignal | undefined;
};

/** The hub that `HF_ENDPOINT` names, else the public one; `HF_TOKEN` is sent along where it is set. */
export const openHub = (signal?: AbortSignal, env: NodeJS.ProcessEnv = process.env): Hub => ({
	endpoint: (env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, ''),
	accessToken: env.HF_TOKEN || undefined,
	// Connections end with the command, and with Ctrl-C.
	fetch: (input, init) => fetch(input, signal === undefined ? init : { ...init, signal }),
	signal,
});

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
const clientOptions = ({ endpoint, accessToken, fetch }: Hub) => ({
	hubUrl: endpoint,
	fetch,
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
		const license = info.tags?.find((tag) => tag.startsWith('license:'))?.slice('license:'.length);
		return { repository, commit: info.sha, license };
	});

/** @throws UserError for names that would lead out of the folder they are downloaded to */
export const listSnapshot = async (hub: Hub, snapshot: RepositorySnapshot): Promise<RepositoryFile[]> =>
	explainingHub(hub, snapshot.repository, async () => {
		const files: RepositoryFile[] = [];
		const entries = listFiles({
			...clientOptions(hub),
			repo: snapshot.repository,
			revision: snapshot.commit,
			recursive: true,
		});
		for await (const { type, path, size, oid, lfs } of entries) {
			if (type !== 'file') {
				continue;
			}
			if (path.split('/').includes('..') || /[\\:\0]|^\//.test(path)) {
				throw new UserError(
					`The repository ${snapshot.repository} lists the file ${JSON.stringify(path)}, which leads out of its folder; it was refused.`,
				);
			}
			files.push({
				path,
				bytes: lfs?.size ?? size,
				checksum: lfs === undefined ? { kind: 'git', hex: oid ?? '' } : { kind: 'sha256', hex: lfs.oid },
			});
		}
		return files;
	});

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
		const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
		throw new UserError(
			`The hub ${hub.endpoint} can't be reached (${messageOf(cause).split('\n')[0]}); check the connection, or set HF_ENDPOINT to a mirror and run again: what was downloaded is kept.`,
			{ cause: error },
		);
	}
};

const sentenceFor = (status: number, { endpoint }: Hub, repository: string): string => {
	if (status === 401 || status === 403) {
		return `${endpoint}/${repository} is not open to everyone: accept its licence there and set HF_TOKEN, or choose another export with --repository.`;
	}
	return status === 404
		? `${endpoint} has no repository ${repository} (or not this revision); choose another export with --repository.`
		: `${endpoint} answered with status ${status} for ${repository}; run again later: what was downloaded is kept.`;
};
