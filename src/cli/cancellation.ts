/**
 * A signal that fires on the first Ctrl-C (or SIGTERM), so that finished frames are kept and ffmpeg ends cleanly.
 * A second Ctrl-C ends the process at once.
 */
export const cancelOnInterrupt = (): AbortSignal => {
	const controller = new AbortController();
	const onSignal = (): void => {
		if (controller.signal.aborted) {
			process.exit(130);
		}
		controller.abort();
	};
	process.on('SIGINT', onSignal);
	process.on('SIGTERM', onSignal);
	return controller.signal;
};
