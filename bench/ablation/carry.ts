import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { type Frame, type LabelMap, objectIds } from '../../src/core/frame.js';
import type { CarriedMask } from '../../src/evaluation/evaluate-davis.js';
import { PyramidMatcher } from '../../src/masks/labels/cell-matcher.js';
import { LabelPropagation } from '../../src/masks/labels/label-propagation.js';
import type { PropagationSettings } from '../../src/masks/labels/settings.js';
import { refineLabels } from '../../src/masks/refinement/refine-labels.js';

/** CPU milliseconds of a whole clip, its first frame left out. */
export type Costs = { frames: number; matching: number; refinement: number };

const measured = async <Result>(work: () => Promise<Result> | Result): Promise<[Result, number]> => {
	const start = process.cpuUsage();
	const result = await work();
	const { user, system } = process.cpuUsage(start);
	return [result, (user + system) / 1000];
};

/**
 * Label propagation without its worker, so that the time of the process is the time of the matching, on descriptors that are known already.
 *
 * @param costs what it takes is added to them
 */
export async function* carry(
	frames: AsyncIterable<Frame>,
	mask: LabelMap,
	descriptors: (frame: number) => DescriptorMap,
	settings: PropagationSettings,
	costs: Costs,
): AsyncGenerator<CarriedMask> {
	const propagation = new LabelPropagation(new PyramidMatcher(settings), settings, async (labels, image) => {
		const [refined, refinement] = await measured(() => refineLabels(labels, image, settings.refinement));
		costs.refinement += refinement;
		costs.matching -= refinement;
		return refined;
	});
	propagation.begin({ objects: objectIds(mask), done: [] });
	for await (const { index, image } of frames) {
		if (index === 0) {
			await propagation.remember(descriptors(index), mask);
			yield { index, ids: mask.ids };
			continue;
		}
		const [{ ids }, all] = await measured(() => propagation.next(descriptors(index), image));
		costs.frames++;
		costs.matching += all;
		yield { index, ids };
	}
	await propagation.close();
}
