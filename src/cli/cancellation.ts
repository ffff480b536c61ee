import { writeFailure } from '../core/atomic-file.js';
import { messageOf } from '../core/errors.js';

const running = new Set<AbortController>();

/**
 * A signal that fires on the first Ctrl-C (or SIGTERM), so that finished frames are kept and ffmpeg ends cleanly.
 * A second one ends the process at once, by the signal itself: `process.exit` would stop a worker in native code, which aborts.
 */
export const cancelOnInterrupt = (): AbortSignal => {
	const controller = new AbortController();
	running.add(controller);
	const onSignal = (): void => {
		process.off('SIGINT', onSignal);
		process.off('SIGTERM', onSignal);
		controller.abort();
	};
	process.on('SIGINT', onSignal);
	process.on('SIGTERM', onSignal);
	return controller.signal;
};

/**
 * As {@link cancelOnInterrupt}, of what takes its time to stop.
 *
 * @returns `stop` fires on the first signal, `hurry` on the second; a third ends the process at once
 */
export const stopOnInterrupt = (): { readonly stop: AbortSignal; readonly hurry: AbortSignal } => {
	const stop = cancelOnInterrupt();
	const hurry = new AbortController();
	stop.addEventListener('abort', () => {
		cancelOnInterrupt().addEventListener('abort', () => hurry.abort(), { once: true });
	});
	return { stop, hurry: hurry.signal };
};

let readerGone = false;

/** Whether the program that reads what is printed has ended, as `head` does when it has seen enough. */
export const isReaderGone = (): boolean => readerGone;

/**
 * From here on, when nobody reads stdout any more, the run is cancelled as by Ctrl-C, and nothing is said. Where stdout can't be written for
 * another reason (a full disk), that is said, and the exit code is 1.
 */
export const endQuietlyWithoutReader = (): void => {
	for (const stream of [process.stdout, process.stderr]) {
		stream.on('error', (error: NodeJS.ErrnoException) => {
			if (stream === process.stdout && !readerGone) {
				readerGone = true;
				if (error.code !== 'EPIPE') {
					process.exitCode = 1;
					process.stderr.write(`propagate: ${messageOf(writeFailure('standard output', error))}\n`);
				}
				for (const controller of running) {
					controller.abort();
				}
			}
		});
	}
};
