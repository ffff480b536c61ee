import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { WatchRecord } from '../../../plugin/obs/watch.js';

const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

type Environment = Readonly<Record<string, string | undefined>>;

const start = (args: readonly string[], env: Environment) =>
	spawn(process.execPath, [cli, 'obs', ...args], {
		env: { ...process.env, ...env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});

export type CommandResult = {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
	readonly seconds: number;
};

/** Runs `propagate obs …` to its end. */
export const obsCommand = (args: readonly string[], env: Environment = {}): Promise<CommandResult> =>
	new Promise((resolve, reject) => {
		const started = performance.now();
		const command = start(args, env);
		let stdout = '';
		let stderr = '';
		command.stdout.on('data', (data: Buffer) => {
			stdout += data.toString();
		});
		command.stderr.on('data', (data: Buffer) => {
			stderr += data.toString();
		});
		command.once('error', reject);
		command.once('close', (code) =>
			resolve({ code, stdout, stderr, seconds: (performance.now() - started) / 1000 }),
		);
	});

type RecordOf<Type extends WatchRecord['type']> = Extract<WatchRecord, { type: Type }>;

/** A running `propagate obs watch --json`. */
export class Watcher {
	readonly #command: ReturnType<typeof start>;
	readonly #ended: Promise<number | null>;
	readonly #unread: WatchRecord[] = [];
	#wake: () => void = () => {};
	/** Everything that it has printed. */
	printed = '';

	constructor(args: readonly string[], env: Environment) {
		this.#command = start(['watch', '--json', ...args], env);
		this.#ended = new Promise((resolve) => this.#command.once('close', resolve));
		this.#command.stderr.on('data', (data: Buffer) => {
			this.printed += data.toString();
		});
		createInterface({ input: this.#command.stdout }).on('line', (line) => {
			this.printed += `${line}\n`;
			this.#unread.push(JSON.parse(line) as WatchRecord);
			this.#wake();
		});
		this.#ended.then(() => this.#wake());
		onTestFinished(async () => {
			await this.stop();
		});
	}

	/** The next record of a type; those before it are passed over. A failure fails the test, unless it is what is waited for. */
	async next<Type extends WatchRecord['type']>(type: Type): Promise<RecordOf<Type>> {
		for (;;) {
			const record = this.#unread.shift();
			if (record === undefined) {
				if (this.#command.exitCode !== null) {
					throw new Error(`The watcher ended instead of saying "${type}":\n${this.printed}`);
				}
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
			} else if (record.type === type) {
				return record as RecordOf<Type>;
			} else if (record.type === 'failed') {
				throw new Error(record.reason);
			}
		}
	}

	/** Ends it as Ctrl-C does, and returns its exit code. */
	async stop(): Promise<number | null> {
		this.#command.kill('SIGTERM');
		return this.#ended;
	}
}
