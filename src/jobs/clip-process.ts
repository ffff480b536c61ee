/** Runs clips for another process, one after another, as that tells it by messages: see `ClipRunner`. */
import { AbortedError, messageOf, UserError } from '../core/errors.js';
import { type ClipCommand, type CommandContext, runClipCommand } from './clip-command.js';
import type { FrameProgress, PropagateClipResult } from './clip-job.js';

/** What the process is told. */
export type ClipOrder =
	| {
			readonly type: 'run';
			readonly command: ClipCommand;
			readonly context: Pick<CommandContext, 'ffmpeg' | 'threads' | 'cache'>;
	  }
	| { readonly type: 'abort' };

/** What it answers; `done` or `failed` comes last. */
export type ClipAnswer =
	| { readonly type: 'note'; readonly text: string }
	| { readonly type: 'frame'; readonly progress: FrameProgress }
	| { readonly type: 'done'; readonly result: PropagateClipResult }
	| { readonly type: 'failed'; readonly failure: ClipFailure };

/** An error, as it can be sent. */
export type ClipFailure = {
	readonly kind: 'bad input' | 'cancelled' | 'other';
	readonly message: string;
	readonly stack?: string | undefined;
	/** What the system called it, if that is what happened: `EIO`. */
	readonly code?: string | undefined;
};

const tell = (answer: ClipAnswer): void => {
	// Whoever would be told may have been killed, which ends this process, too.
	process.send?.(answer, undefined, undefined, () => {});
};

const codeOf = (error: unknown): string | undefined => {
	for (let cause = error; cause instanceof Error; cause = cause.cause) {
		if ('code' in cause && typeof cause.code === 'string') {
			return cause.code;
		}
	}
	return undefined;
};

const failureOf = (error: unknown): ClipFailure => ({
	kind: error instanceof UserError ? 'bad input' : error instanceof AbortedError ? 'cancelled' : 'other',
	message: messageOf(error),
	stack: error instanceof Error ? error.stack : undefined,
	code: codeOf(error),
});

let running: AbortController | undefined;

const run = async ({ command, context }: Extract<ClipOrder, { type: 'run' }>): Promise<void> => {
	running = new AbortController();
	try {
		const result = await runClipCommand(command, {
			...context,
			signal: running.signal,
			onNote: (text) => tell({ type: 'note', text }),
			onFrame: (progress) => tell({ type: 'frame', progress }),
		});
		tell({ type: 'done', result });
	} catch (error) {
		tell({ type: 'failed', failure: failureOf(error) });
	} finally {
		running = undefined;
	}
};

// A terminal sends Ctrl-C to this process, too, but the one that gives orders decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => running?.abort());
// Not to outlive it. (`process.exit` would stop a worker in native code, which aborts.)
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (order: ClipOrder) => {
	if (order.type === 'abort') {
		running?.abort();
	} else {
		void run(order);
	}
});
