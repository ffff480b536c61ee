import type { CarriedMask } from '../../src/evaluation/evaluate-davis.js';
import type { DescriptorMap } from '../../src/hyperfeatures/descriptor-map.js';
import type { Frame, LabelMap } from '../../src/media/frame.js';
import { LabelPropagator } from '../../src/propagation/label-propagator.js';
import type { PropagationSettings } from '../../src/propagation/settings.js';
import { classIds, labelsFromMask } from '../../src/propagation/soft-labels.js';
import { refineLabels } from '../../src/refinement/refine-labels.js';
import { InlineVoter } from './inline-voter.js';

/** CPU milliseconds of a whole clip, its first frame left out. */
export type Costs = { frames: number; matching: number; refinement: number };

const measured = async <Result>(work: () => Promise<Result> | Result): Promise<[Result, number]> => {
	const start = process.cpuUsage();
	const result = await work();
	const { user, system } = process.cpuUsage(start);
	return [result, (user + system) / 1000];
};

/**
 * What `propagateMasks` does, one thing after the other in this thread, on descriptors that are known already.
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
	const voter = new InlineVoter(settings);
	const propagator = new LabelPropagator(voter, settings);
	for await (const { index, image } of frames) {
		const map = descriptors(index);
		if (index === 0) {
			const stored = await voter.store(map);
			propagator.addKeyframe(stored, labelsFromMask(mask, stored.grid, classIds(mask)));
			yield { index, ids: mask.ids };
			continue;
		}
		const [[stored, { labels }], matching] = await measured(async () => {
			const query = await voter.store(map);
			return [query, await propagator.vote(query)] as const;
		});
		const [refined, refinement] = await measured(() => refineLabels(labels, image, settings.refinement));
		propagator.remember(stored, settings.feedBack === 'refined' ? refined.labels : labels);
		costs.frames++;
		costs.matching += matching;
		costs.refinement += refinement;
		yield { index, ids: refined.ids };
	}
	propagator.close();
}
