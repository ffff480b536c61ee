import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { deflateSync, inflateSync } from 'node:zlib';
import type { ProjectState } from '../../src/studio/protocol.js';
import { quickCliPath, startCli } from './cli.js';

/** A browser for the tests of the page; undefined where there is none. */
export const chromium = [
	process.env.CHROMIUM_PATH ?? '',
	'/usr/bin/chromium',
	'/usr/bin/chromium-browser',
	'/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

export type Answer = {
	readonly status: number;
	readonly headers: Record<string, unknown>;
	readonly body: Buffer;
};

type Asked = {
	readonly method?: string;
	readonly headers?: Record<string, string>;
	readonly body?: Buffer | undefined;
	/** Undefined: the studio's own. */
	readonly token?: string | null;
	/** Only the head is sent: what was announced never comes. */
	readonly isUnfinished?: boolean;
};

/** What the page would show of an answer. */
export const messageOf = ({ body }: Answer): string =>
	(JSON.parse(body.toString()) as { message: string }).message;

/** A studio that has been started as somebody would start it. */
export class RunningStudio {
	private constructor(
		readonly address: string,
		readonly pid: number,
		/** Ends it at once, as a crash would. */
		readonly kill: () => Promise<void>,
		/** Ends it as Ctrl-C does. @returns the exit code */
		readonly end: () => Promise<number | null>,
	) {}

	/** @param args behind `propagate studio`; `projects` is a folder of the test */
	static async start(
		projects: string,
		args: readonly string[] = [],
		program = quickCliPath,
		env: NodeJS.ProcessEnv = {},
	): Promise<RunningStudio> {
		const { process: child, done } = startCli(
			['studio', '--no-open', '--json', '--projects', projects, ...args],
			{ program, env },
		);
		const line = await new Promise<string>((resolve, reject) => {
			child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
			done.then(({ stderr }) => reject(new Error(stderr)), reject);
		});
		const { address } = JSON.parse(line.split('\n')[0] ?? '') as { address: string };
		return new RunningStudio(
			address,
			child.pid ?? 0,
			async () => {
				child.kill('SIGKILL');
				await done;
			},
			async () => {
				child.kill('SIGINT');
				return (await done).code;
			},
		);
	}

	get port(): number {
		return Number(new URL(this.address).port);
	}

	get token(): string {
		return new URL(this.address).searchParams.get('token') ?? '';
	}

	/** Any request, with the token as programs send it. */
	ask(
		path: string,
		{ method = 'GET', headers = {}, body, token = this.token, isUnfinished = false }: Asked = {},
	): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const sent = request(
				{
					...{ host: '127.0.0.1', port: this.port, path, method, agent: false },
					headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
				},
				(response) => {
					const pieces: Buffer[] = [];
					response.on('data', (piece: Buffer) => pieces.push(piece));
					response.on('end', () => {
						sent.destroy();
						resolve({
							...{ status: response.statusCode ?? 0, headers: response.headers },
							body: Buffer.concat(pieces),
						});
					});
				},
			);
			sent.on('error', reject);
			if (isUnfinished) {
				sent.flushHeaders();
			} else {
				sent.end(body);
			}
		});
	}

	async json<Result>(path: string, method = 'GET', value?: unknown): Promise<Result> {
		const body = value === undefined ? undefined : Buffer.from(JSON.stringify(value));
		const headers = body === undefined ? {} : { 'content-type': 'application/json' };
		const answer = await this.ask(path, { method, headers, body });
		if (answer.status >= 400) {
			throw new Error(messageOf(answer));
		}
		return (answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString())) as Result;
	}

	open(what: object): Promise<ProjectState> {
		return this.json('/api/open', 'POST', what);
	}

	/** @param ids [height * width] */
	paint(project: string, frame: number, ids: Uint8Array, basis: number): Promise<Answer> {
		return this.ask(`/api/projects/${project}/painted/${frame}?basis=${basis}`, {
			...{ method: 'PUT', headers: { 'content-type': 'application/octet-stream' } },
			body: deflateSync(ids),
		});
	}

	/** A frame's ids; undefined where there is no mask. */
	async mask(project: string, frame: number): Promise<Buffer | undefined> {
		const { status, body } = await this.ask(`/api/projects/${project}/masks/${frame}`);
		return status === 204 ? undefined : inflateSync(body);
	}

	/** Waits until a project is as it should be. */
	async until(project: string, is: (state: ProjectState) => boolean): Promise<ProjectState> {
		for (;;) {
			const state = await this.json<ProjectState>(`/api/projects/${project}`);
			if (is(state)) {
				return state;
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}

/** A rectangle with an id, on a map of a project's size. */
export const rectangle = (
	{ width, height }: { readonly width: number; readonly height: number },
	[x0, y0, x1, y1]: readonly [number, number, number, number],
	id = 1,
): Uint8Array => {
	const ids = new Uint8Array(width * height);
	for (let y = y0; y < y1; y++) {
		ids.fill(id, y * width + x0, y * width + x1);
	}
	return ids;
};
