import { frameConfidence } from '../propagation/confidence.js';
import { agreement } from './agreement.js';
import type { PassContext } from './carry-pass.js';
import { joinMasks } from './join-masks.js';
import type { Keyframe } from './keyframe.js';
import type { JoinedFrame, RunStores } from './run-stores.js';
import { StoredPass } from './stored-pass.js';

/** What two passes have found between their keyframes. */
export type Meeting = {
	readonly left: Keyframe;
	readonly right: Keyframe;
	/** The mask of a frame between, and whether this run has computed it. */
	at(index: number): Promise<JoinedFrame & { readonly computed: boolean }>;
};

/** A pass whose joined masks agree this well with the nearer pass's alone... */
const SETTLED_AGREEMENT = 0.9;
/** ...on so many frames in a row has nothing more to say. */
const SETTLED_FRAMES = 2;

/**
 * Runs the forward pass of one keyframe and the backward pass of the next, side by side, to the frames in the middle. Beyond,
 * each goes on only while it still changes what comes out: until the joined masks are, on a few frames in a row, those of the
 * pass whose keyframe is nearer.
 */
export const meet = async (
	context: PassContext,
	stores: RunStores,
	left: Keyframe,
	right: Keyframe,
): Promise<Meeting> => {
	const joins = stores.join(left, right);
	const computedJoins = new Set<number>();
	const [lowest, highest] = [left.frame + 1, right.frame - 1];
	const middle = Math.floor((left.frame + right.frame) / 2);
	let to = Math.min(highest, middle + 1);
	let from = Math.max(lowest, to - SETTLED_FRAMES + 1);
	const forward = new StoredPass(context, left, {
		...{ direction: 'forward', last: highest, surely: to },
		store: stores.pass(left, 'forward'),
	});
	const backward = new StoredPass(context, right, {
		...{ direction: 'backward', last: lowest, surely: from },
		store: stores.pass(right, 'backward'),
	});
	const nearness = (index: number): number => (index - left.frame) / (right.frame - left.frame);

	const joinAt = async (index: number): Promise<JoinedFrame> => {
		const known = await joins.get(index);
		if (known !== undefined) {
			return known;
		}
		const [before, after] = [await forward.at(index), await backward.at(index)];
		const joined = joinMasks(before, after, nearness(index), left.mask);
		await joins.put(index, joined);
		computedJoins.add(index);
		return joined;
	};
	const isSettled = async (index: number): Promise<boolean> => {
		const nearer = nearness(index) <= 0.5 ? forward : backward;
		const { ids } = await joinAt(index);
		return agreement(ids, (await nearer.at(index)).ids) >= SETTLED_AGREEMENT;
	};

	try {
		await Promise.all([forward.reach(to), backward.reach(from)]);
		const settled: boolean[] = [];
		for (let index = from; index <= to; index++) {
			settled.push(await isSettled(index));
		}
		const goOn = async (pass: StoredPass, settledSoFar: number, next: () => number | undefined) => {
			for (let row = settledSoFar; row < SETTLED_FRAMES; ) {
				const index = next();
				if (index === undefined) {
					return;
				}
				await pass.reach(index);
				row = (await isSettled(index)) ? row + 1 : 0;
			}
		};
		await Promise.all([
			goOn(backward, leading(settled), () => (from > lowest ? --from : undefined)),
			goOn(forward, leading(settled.toReversed()), () => (to < highest ? ++to : undefined)),
		]);
	} finally {
		await Promise.all([forward.close(), backward.close()]);
	}

	return {
		left,
		right,
		at: async (index) => {
			if (index >= from && index <= to) {
				return { ...(await joinAt(index)), computed: computedJoins.has(index) };
			}
			const pass = index < from ? forward : backward;
			const { ids, voted, bestSimilarity } = await pass.at(index);
			return { ids, confidence: frameConfidence(voted, bestSimilarity), computed: pass.hasComputed(index) };
		},
	};
};

/** How many are true before the first that is not. */
const leading = (values: readonly boolean[]): number => {
	const end = values.indexOf(false);
	return end < 0 ? values.length : end;
};
