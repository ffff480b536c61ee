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

let readerGone = false;

/** Whether the program that reads what is printed has ended, as `head` does when it has seen enough. */
export const isReaderGone = (): boolean => readerGone;

/** From here on, when nobody reads stdout any more, the run is cancelled as by Ctrl-C, and nothing is said. */
export const endQuietlyWithoutReader = (): void => {
	for (const stream of [process.stdout, process.stderr]) {
		stream.on('error', (error: NodeJS.ErrnoException) => {
			if (error.code !== 'EPIPE') {
				throw error;
			}
			if (stream === process.stdout) {
				readerGone = true;
				for (const controller of running) {
					controller.abort();
				}
			}
		});
	}
};
