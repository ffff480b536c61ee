import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { forgetOldest } from '../hyperfeatures/descriptor-cache.js';
import type { LabelMap } from '../media/frame.js';
import type { Position } from '../media/position.js';
import { propagateHome } from '../models/locations.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import type { Direction } from './carry-pass.js';
import { type FrameStore, openFrameStore } from './frame-store.js';
import type { Keyframe } from './keyframe.js';

/** The mask of a frame that two passes agreed on. */
export type JoinedFrame = { readonly ids: Uint8Array; readonly confidence: number };

/** What earlier runs on the same clip have found, and where this one leaves what it finds. */
export type RunStores = {
	pass(keyframe: Keyframe, direction: Direction): FrameStore<CarriedLabels>;
	join(left: Keyframe, right: Keyframe): FrameStore<JoinedFrame>;
	/** The number of frames of the run, once one has come to the end. */
	readonly length: { get(): Promise<number | undefined>; put(frames: number): Promise<void> };
};

/** Everything besides the keyframes that a result depends on. */
export type RunIdentity = {
	/** See {@link clipIdentity}. */
	readonly clip: string;
	readonly start: Position | undefined;
	readonly end: Position | undefined;
	readonly model: string;
	readonly device: string;
	readonly settings: unknown;
};

/** To be raised when a change of the engine makes old results wrong. */
const FORMAT = 4;

/** When it is opened, the folder forgets what was used longest ago until it is no larger than this. */
const MAX_BYTES = 2 ** 30;

/** Where the results of passes are kept; safe to delete when no run is on. */
export const runsFolder = (env: NodeJS.ProcessEnv = process.env): string => join(propagateHome(env), 'runs');

export const openRunStores = async (
	identity: RunIdentity,
	folder: string = runsFolder(),
): Promise<RunStores> => {
	await forgetOldest(folder, MAX_BYTES);
	const { clip, start, end } = identity;
	const base = hashOf(FORMAT, identity);
	const nameOf = (keyframe: Keyframe): string => hashOf(base, keyframe.frame, maskHash(keyframe.mask));
	const length = openFrameStore<number>(join(folder, `length-${hashOf(clip, start, end)}`));
	return {
		pass: (keyframe, direction) => openFrameStore(join(folder, `${direction}-${nameOf(keyframe)}`)),
		join: (left, right) => openFrameStore(join(folder, `join-${hashOf(nameOf(left), nameOf(right))}`)),
		length: { get: () => length.get(0), put: (frames) => length.put(0, frames) },
	};
};

/** A clip by its contents, wherever it lies. @param files the video, or the images in order */
export const clipIdentity = async (files: readonly string[], frameRate: number): Promise<string> => {
	const hash = createHash('sha256').update(`${frameRate}`);
	for (const file of files) {
		hash.update('\0');
		for await (const chunk of createReadStream(file)) {
			hash.update(chunk as Buffer);
		}
	}
	return hash.digest('hex');
};

const maskHash = ({ width, height, ids }: LabelMap): string =>
	createHash('sha256').update(`${width}x${height}:`).update(ids).digest('hex');

const hashOf = (...parts: unknown[]): string =>
	createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
