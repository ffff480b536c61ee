import { type ChildProcess, fork } from 'node:child_process';
import { builtUrl } from '../core/built-url.js';
import { AbortedError, throwIfAborted, UserError } from '../core/errors.js';
import type { ClipCommand, CommandContext } from './clip-command.js';
import type { PropagateClipResult } from './clip-job.js';
import type { ClipAnswer, ClipFailure, ClipOrder } from './clip-process.js';

const program = builtUrl(import.meta.url, './clip-process.js');

/** How long a run may take to close its files when it is cancelled. */
const ENDING_MS = 30_000;

/** The process that ran a clip has ended: by lack of memory, by a fault in native code, or by somebody's hand. */
class ClipProcessError extends Error {
	override name = 'ClipProcessError';
}

/**
 * Runs clips in a process of its own, one at a time, so that neither a lack of memory nor a fault in native code takes the others along, and
 * whoever calls can always answer. The process is started when it is needed, and kept for the next clip.
 */
export class ClipRunner {
	#process: ChildProcess | undefined;

	/**
	 * As `runClipCommand`.
	 *
	 * @throws UserError for bad input
	 * @throws AbortedError when the signal fires
	 * @throws ClipProcessError when the process ends
	 */
	run(command: ClipCommand, context: Omit<CommandContext, 'onMask'>): Promise<PropagateClipResult> {
		const { signal, onNote, onFrame, ...rest } = context;
		throwIfAborted(signal);
		this.#process ??= this.#start();
		const child = this.#process;
		return new Promise<PropagateClipResult>((resolve, reject) => {
			let ending: NodeJS.Timeout | undefined;
			const order = (order: ClipOrder): void => {
				// It may just have ended, which is told in another way.
				child.send(order, () => {});
			};
			const abort = (): void => {
				order({ type: 'abort' });
				ending = setTimeout(() => child.kill('SIGKILL'), ENDING_MS);
			};
			const settle = (): void => {
				clearTimeout(ending);
				signal?.removeEventListener('abort', abort);
				child.off('message', onMessage);
				child.off('exit', onExit);
				child.unref();
				child.channel?.unref();
			};
			const onMessage = (answer: ClipAnswer): void => {
				switch (answer.type) {
					case 'note':
						onNote?.(answer.text);
						return;
					case 'frame':
						onFrame?.(answer.progress);
						return;
					case 'done':
						settle();
						resolve(answer.result);
						return;
					case 'failed':
						settle();
						reject(errorOf(answer.failure));
				}
			};
			const onExit = (code: number | null, by: NodeJS.Signals | null): void => {
				settle();
				reject(signal?.aborted ? new AbortedError() : endedError(code, by));
			};
			child.ref();
			child.channel?.ref();
			child.on('message', onMessage);
			child.on('exit', onExit);
			signal?.addEventListener('abort', abort, { once: true });
			order({ type: 'run', command, context: rest });
		});
	}

	/** Ends the process, which must not be at work. */
	close(): void {
		this.#process?.disconnect();
		this.#process = undefined;
	}

	#start(): ChildProcess {
		const child = fork(program, {
			stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
			env: withoutSecrets(),
			// Ctrl-C, and whoever ends a group of processes, reach neither it nor its ffmpeg: what that means is decided here.
			detached: process.platform !== 'win32',
		});
		const forget = (): void => {
			if (this.#process === child) {
				this.#process = undefined;
			}
		};
		child.on('exit', forget);
		child.on('error', forget);
		return child;
	}
}

/** What reads strangers' files, and the programs that it starts, need not know how Redis and storage let us in. */
const withoutSecrets = (): NodeJS.ProcessEnv =>
	Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PROPAGATE_REDIS$|AWS_)/.test(name)));

const endedError = (code: number | null, by: NodeJS.Signals | null): ClipProcessError =>
	new ClipProcessError(
		by === 'SIGKILL'
			? 'The process that ran it was killed: by the system for lack of memory, or by somebody.'
			: `The process that ran it ended unexpectedly (${by ?? `exit code ${code}`}).`,
	);

const errorOf = ({ kind, message, stack, code }: ClipFailure): Error => {
	const cause = code === undefined ? undefined : Object.assign(new Error(code), { code });
	const error =
		kind === 'bad input'
			? new UserError(message, { cause })
			: kind === 'cancelled'
				? new AbortedError(message)
				: new Error(message, { cause });
	error.stack = stack ?? error.stack ?? '';
	return error;
};
