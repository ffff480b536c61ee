import { join } from 'node:path';
import type { Direction, Keyframe } from '../core/frame.js';
import { cacheShare, forgetOldest } from './cache.js';
import { makePrivateFolder } from './cache-file.js';
import { type FrameStore, openFrameStore } from './frame-store.js';
import { propagateHome } from './locations.js';
import { fingerprint, maskIdentity, type PassIdentity } from './run-identity.js';

/** What earlier runs on the same clip have found, and where this one leaves what it finds. */
export type PassStores = {
	/** @param helper the painted frame that the pass remembers beside its own */
	pass<Masks>(
		own: Keyframe,
		helper: Keyframe | undefined,
		direction: Direction,
		objects: readonly number[],
	): FrameStore<Masks>;
	/** The number of frames of the run, once one has come to the end. */
	readonly length: { get(): Promise<number | undefined>; put(frames: number): Promise<void> };
};

/** To be raised when a change of the engine makes old results wrong. */
const FORMAT = 7;

/** Where the results of passes are kept; safe to delete when no run is on. */
export const runsFolder = (env: NodeJS.ProcessEnv = process.env): string => join(propagateHome(env), 'runs');

/** @param spare where results go that this run needs again, when `folder` can't be written */
export const openPassStores = async (
	identity: PassIdentity,
	folder: string = runsFolder(),
	spare?: string,
): Promise<PassStores> => {
	await forgetOldest(folder, await cacheShare('runs'));
	await makePrivateFolder(folder).catch(() => {});
	const { clip, range, model, settings, device, ffmpeg } = identity;
	const base = hashOf(FORMAT, clip, range, model, settings, device, ffmpeg);
	const open = <Result>(name: string): FrameStore<Result> =>
		openFrameStore(join(folder, name), spare === undefined ? undefined : join(spare, name));
	const length = open<number>(`length-${hashOf(clip, range, ffmpeg)}`);
	return {
		pass: (own, helper, direction, objects) =>
			open(`${direction}-${hashOf(base, nameOf(own), helper === undefined ? '' : nameOf(helper), objects)}`),
		length: { get: () => length.get(0), put: (frames) => length.put(0, frames) },
	};
};

const nameOf = ({ frame, mask }: Keyframe): string => hashOf(frame, maskIdentity(mask));

const hashOf = (...parts: unknown[]): string => fingerprint(parts).slice(0, 24);
