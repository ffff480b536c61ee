import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { canRun } from './can-run.js';

/** Use as `describe.skipIf(!redisAvailable)('… (needs redis-server)')`; Debian's package `redis-server` has it. */
export const redisAvailable = canRun('redis-server', '--version');

/** A Redis of our own on a free port of the loopback interface, which keeps what it holds in a file, as one in earnest should. */
export type RedisServer = {
	readonly port: number;
	readonly url: string;
	/** Ends it as a crash would. */
	kill(): Promise<void>;
	/** Starts it again with what it had. */
	start(): Promise<void>;
	/** Stops and goes on, as a network that is cut. */
	pause(): void;
	resume(): void;
	/** Asks it something, as `redis-cli` does. */
	ask(...words: string[]): string;
	close(): Promise<void>;
};

/** A port of the loopback interface that nobody listens on. */
export const freePort = async (): Promise<number> => {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
};

/** @param more options of redis-server: `['--requirepass', 'secret']` */
export const startRedis = async (more: readonly string[] = []): Promise<RedisServer> => {
	const folder = mkdtempSync(join(tmpdir(), 'propagate-redis-'));
	const port = await freePort();
	let server: ChildProcess | undefined;
	const ask = (...words: string[]): string =>
		execFileSync('redis-cli', ['-p', String(port), ...words], {
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
			env: { ...process.env, ...(more[0] === '--requirepass' ? { REDISCLI_AUTH: more[1] } : {}) },
		}).trim();
	const start = async (): Promise<void> => {
		server = spawn(
			'redis-server',
			[
				...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
				...['--appendonly', 'yes', '--maxmemory-policy', 'noeviction', ...more],
			],
			{ stdio: 'ignore' },
		);
		for (let tries = 0; tries < 100; tries++) {
			await setTimeout(50);
			try {
				if (ask('ping') === 'PONG') {
					return;
				}
			} catch {
				// Not yet.
			}
		}
		throw new Error('redis-server did not start.');
	};
	const kill = async (): Promise<void> => {
		if (server !== undefined && server.exitCode === null && server.signalCode === null) {
			server.kill('SIGKILL');
			await once(server, 'exit');
		}
	};
	await start();
	return {
		...{ port, url: `redis://127.0.0.1:${port}`, start, kill, ask },
		pause: () => server?.kill('SIGSTOP'),
		resume: () => server?.kill('SIGCONT'),
		close: async () => {
			await kill();
			rmSync(folder, { recursive: true, force: true });
		},
	};
};
