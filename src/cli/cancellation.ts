/**
 * A signal that fires on the first Ctrl-C (or SIGTERM), so that finished frames are kept and ffmpeg ends cleanly.
 * A second one ends the process at once, by the signal itself: `process.exit` would stop a worker in native code, which aborts.
 */
export const cancelOnInterrupt = (): AbortSignal => {
	const controller = new AbortController();
	const onSignal = (): void => {
		process.off('SIGINT', onSignal);
		process.off('SIGTERM', onSignal);
		controller.abort();
	};
	process.on('SIGINT', onSignal);
	process.on('SIGTERM', onSignal);
	return controller.signal;
};
