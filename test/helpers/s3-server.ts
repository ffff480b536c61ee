import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { canRun } from './can-run.js';
import { freePort } from './redis-server.js';

/**
 * Use as `describe.skipIf(!s3Available)('… (needs versitygw)')`: a server that speaks S3, checks signatures, and keeps objects as files.
 * `go install github.com/versity/versitygw/cmd/versitygw@v1.8.0` makes it.
 */
export const s3Available = canRun('versitygw', '--version');

/** Storage of our own on a free port of the loopback interface. */
export type S3Server = {
	/** A folder for each bucket, with a file for each object. */
	readonly folder: string;
	/** What a client needs to know to get in. */
	readonly env: Readonly<Record<string, string>>;
	/** Ends it as a crash would. */
	kill(): Promise<void>;
	/** Starts it again with what it had. */
	start(): Promise<void>;
	close(): Promise<void>;
};

/** @param buckets to make */
export const startS3 = async (buckets: readonly string[]): Promise<S3Server> => {
	const folder = mkdtempSync(join(tmpdir(), 'propagate-s3-'));
	for (const bucket of buckets) {
		mkdirSync(join(folder, bucket));
	}
	const port = await freePort();
	const [key, secret] = ['shots-key', 'S3-S3CRET'];
	let server: ChildProcess | undefined;
	const isUp = (): Promise<boolean> =>
		new Promise((resolve) => {
			const socket = connect(port, '127.0.0.1');
			socket.on('connect', () => {
				socket.destroy();
				resolve(true);
			});
			socket.on('error', () => resolve(false));
		});
	const start = async (): Promise<void> => {
		server = spawn('versitygw', ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', folder], {
			stdio: 'ignore',
			env: { ...process.env, ROOT_ACCESS_KEY_ID: key, ROOT_SECRET_ACCESS_KEY: secret },
		});
		for (let tries = 0; tries < 100; tries++) {
			if (await isUp()) {
				return;
			}
			await setTimeout(50);
		}
		throw new Error('versitygw did not start.');
	};
	const kill = async (): Promise<void> => {
		if (server !== undefined && server.exitCode === null && server.signalCode === null) {
			server.kill('SIGKILL');
			await once(server, 'exit');
		}
	};
	await start();
	return {
		...{ folder, start, kill },
		env: {
			AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
			AWS_ACCESS_KEY_ID: key,
			AWS_SECRET_ACCESS_KEY: secret,
		},
		close: async () => {
			await kill();
			rmSync(folder, { recursive: true, force: true });
		},
	};
};
