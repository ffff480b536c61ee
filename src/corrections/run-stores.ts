import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { StoredMask } from '../masks/track-keyframes.js';
import { propagateHome } from '../models/locations.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import { cacheShare } from '../store/cache.js';
import { makePrivateFolder } from '../store/cache-file.js';
import { forgetOldest } from '../store/forget-oldest.js';
import { maskIdentity, type PassIdentity } from '../store/run-identity.js';
import type { Direction } from './carry-pass.js';
import { type FrameStore, openFrameStore } from './frame-store.js';
import type { Keyframe } from './keyframe.js';

/** The mask of a frame that two passes agreed on. */
export type JoinedFrame = { readonly ids: Uint8Array; readonly confidence: number };

/** What earlier runs on the same clip have found, and where this one leaves what it finds. */
export type RunStores = {
	pass(keyframe: Keyframe, direction: Direction): FrameStore<CarriedLabels>;
	join(left: Keyframe, right: Keyframe): FrameStore<JoinedFrame>;
	/** A pass of the mask tracker. @param helper the painted frame that it remembers beside its own */
	tracked(
		own: Keyframe,
		helper: Keyframe | undefined,
		direction: Direction,
		objects: readonly number[],
	): FrameStore<StoredMask>;
	/** The number of frames of the run, once one has come to the end. */
	readonly length: { get(): Promise<number | undefined>; put(frames: number): Promise<void> };
};

/** To be raised when a change of the engine makes old results wrong. */
const FORMAT = 5;

/** Where the results of passes are kept; safe to delete when no run is on. */
export const runsFolder = (env: NodeJS.ProcessEnv = process.env): string => join(propagateHome(env), 'runs');

/** @param spare where results go that this run needs again, when `folder` can't be written */
export const openRunStores = async (
	identity: PassIdentity,
	folder: string = runsFolder(),
	spare?: string,
): Promise<RunStores> => {
	await forgetOldest(folder, await cacheShare('runs'));
	await makePrivateFolder(folder).catch(() => {});
	const { clip, range, model, settings, device, ffmpeg } = identity;
	const base = hashOf(FORMAT, clip, range, model, settings, device, ffmpeg);
	const nameOf = (keyframe: Keyframe): string => hashOf(base, keyframe.frame, maskIdentity(keyframe.mask));
	const open = <Result>(name: string): FrameStore<Result> =>
		openFrameStore(join(folder, name), spare === undefined ? undefined : join(spare, name));
	const length = open<number>(`length-${hashOf(clip, range, ffmpeg)}`);
	return {
		pass: (keyframe, direction) => open(`${direction}-${nameOf(keyframe)}`),
		join: (left, right) => open(`join-${hashOf(nameOf(left), nameOf(right))}`),
		tracked: (own, helper, direction, objects) => {
			const masks = [nameOf(own), helper === undefined ? '' : nameOf(helper)];
			return open(`tracked-${direction}-${hashOf(masks, objects)}`);
		},
		length: { get: () => length.get(0), put: (frames) => length.put(0, frames) },
	};
};

const hashOf = (...parts: unknown[]): string =>
	createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
