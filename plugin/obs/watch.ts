import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, ObsConnection } from './connection.js';
import { cutOut, firstFrame } from './engine.js';
import { recallMask, rememberMask } from './last-mask.js';
import { ConnectionLost, ObsError } from './obs-error.js';
import { isPainted, saveToPaintOn } from './painting.js';
import { type Placement, showInScene } from './scene.js';

export type WatchOptions = {
	readonly connection: ConnectionOptions;
	readonly placement: Placement;
	/** Mask for every recording. `paint` asks for one each time; undefined takes the last one used, or asks. */
	readonly mask: string | 'paint' | undefined;
	readonly signal: AbortSignal;
	readonly say: (record: WatchRecord) => void;
};

export type WatchRecord =
	| { type: 'connected' }
	| { type: 'lost'; reason: string }
	| { type: 'recorded'; clip: string }
	| { type: 'paint'; image: string }
	| { type: 'progress'; done: number; total: number | undefined }
	| { type: 'shown'; output: string; scene: string }
	| { type: 'failed'; clip: string; reason: string };

const RECONNECT_FIRST_MS = 500;
const RECONNECT_LONGEST_MS = 10_000;
const PAINT_POLL_MS = 500;

/**
 * Waits for recordings and replays, one after the other, and puts the object of each into the scene. Goes on through
 * restarts of OBS, and after a recording that fails; ends when the signal fires.
 *
 * @throws ObsError for a wrong password: trying again would not help
 */
export const watch = async (options: WatchOptions): Promise<void> => {
	const { signal, say } = options;
	const waiting: string[] = [];
	const worker = new AbortController();
	const stop = AbortSignal.any([signal, worker.signal]);
	let current: ObsConnection | undefined;
	const working = workThrough(waiting, () => current, { ...options, signal: stop });
	try {
		let pause = RECONNECT_FIRST_MS;
		while (!signal.aborted) {
			try {
				current = await ObsConnection.open(options.connection);
				current.onRecorded((path) => {
					// Wherever it lies, it is never taken for an option.
					const clip = resolve(path);
					say({ type: 'recorded', clip });
					waiting.push(clip);
				});
				say({ type: 'connected' });
				pause = RECONNECT_FIRST_MS;
				await Promise.race([current.closed, aborted(signal)]);
				if (!signal.aborted) {
					say({ type: 'lost', reason: 'OBS ended the connection.' });
				}
			} catch (error) {
				if (!(error instanceof ConnectionLost)) {
					throw error;
				}
				if (pause === RECONNECT_FIRST_MS) {
					say({ type: 'lost', reason: error.message });
				}
			}
			current?.close();
			current = undefined;
			await rest(pause, signal);
			pause = Math.min(2 * pause, RECONNECT_LONGEST_MS);
		}
	} finally {
		current?.close();
		worker.abort();
		await working;
	}
};

/** One recording at a time: two engines would only slow each other down. */
const workThrough = async (
	waiting: string[],
	connection: () => ObsConnection | undefined,
	options: WatchOptions,
): Promise<void> => {
	const { signal, say } = options;
	while (!signal.aborted) {
		const clip = waiting.shift();
		if (clip === undefined) {
			await rest(100, signal);
			continue;
		}
		try {
			const mask = await maskFor(clip, options);
			const output = await freeName(clip, 'alpha', '.webm');
			await cutOut(
				clip,
				resolve(mask),
				output,
				(done, total) => say({ type: 'progress', done, total }),
				signal,
			);
			await rememberMask(mask);
			const scene = await showWhenConnected(output, connection, options);
			say({ type: 'shown', output, scene });
		} catch (error) {
			if (!signal.aborted) {
				say({ type: 'failed', clip, reason: error instanceof Error ? error.message : String(error) });
			}
		}
	}
};

/** OBS may have been closed while the engine ran; the result is shown when it is back. */
const showWhenConnected = async (
	output: string,
	connection: () => ObsConnection | undefined,
	{ placement, signal }: WatchOptions,
): Promise<string> => {
	while (!signal.aborted) {
		const obs = connection();
		try {
			if (obs) {
				return await showInScene(obs, output, placement);
			}
		} catch (error) {
			if (!(error instanceof ConnectionLost)) {
				throw error;
			}
		}
		await rest(RECONNECT_FIRST_MS, signal);
	}
	throw new ObsError(`OBS was gone before "${output}" could be shown; show it with propagate obs apply.`);
};

const maskFor = async (clip: string, { mask, signal, say }: WatchOptions): Promise<string> => {
	const known = mask === 'paint' ? undefined : (mask ?? (await recallMask()));
	if (known !== undefined) {
		return known;
	}
	const image = await freeName(clip, 'paint', '.png');
	await saveToPaintOn(await firstFrame(clip, signal), image);
	say({ type: 'paint', image });
	while (!signal.aborted && !(await isPainted(image))) {
		await rest(PAINT_POLL_MS, signal);
	}
	return image;
};

/** `take.mkv` -> `take-alpha.webm`, or `take-alpha-2.webm` when that is there already: nothing is overwritten unasked. */
const freeName = async (clip: string, what: string, extension: string): Promise<string> => {
	const stem = clip.slice(0, clip.length - extname(clip).length);
	for (let number = 1; ; number++) {
		const path = `${stem}-${what}${number === 1 ? '' : `-${number}`}${extension}`;
		if ((await stat(path).catch(() => undefined)) === undefined) {
			return path;
		}
	}
};

const rest = (ms: number, signal: AbortSignal): Promise<void> =>
	sleep(ms, undefined, { signal }).catch(() => {});

const aborted = (signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		if (signal.aborted) {
			resolve();
		}
		signal.addEventListener('abort', () => resolve(), { once: true });
	});
