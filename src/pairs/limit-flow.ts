import type { BackwardFlow } from '../core/backward-flow.js';
import type { Size } from '../core/size.js';
import type { PairMasks } from './pair-masks.js';

/** A flow without the matches that lie outside a mask: of the target, or in the source. */
export const limitFlow = (flow: BackwardFlow, source: Size, masks: PairMasks): BackwardFlow => {
	const positions = flow.positions.slice();
	const confidence = flow.confidence.slice();
	for (let pixel = 0; pixel < confidence.length; pixel++) {
		const x = Math.round(positions[pixel * 2]!);
		const y = Math.round(positions[pixel * 2 + 1]!);
		const isInside = x >= 0 && x < source.width && y >= 0 && y < source.height;
		const isTaken = masks.source === undefined || (isInside && masks.source[y * source.width + x] !== 0);
		if (masks.target?.[pixel] === 0 || !isTaken) {
			positions.fill(Number.NaN, pixel * 2, pixel * 2 + 2);
			confidence[pixel] = 0;
		}
	}
	return { ...flow, positions, confidence };
};
