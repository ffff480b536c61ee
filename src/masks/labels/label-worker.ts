/**
 * The worker thread that propagates labels: it holds what is remembered of a pass, matches and refines. That runs beside the inversion
 * of the frames to come, which keeps another core busy, and leaves the main thread to decoding, encoding and the person at the keyboard.
 */
import { setFlagsFromString } from 'node:v8';
import { workerData } from 'node:worker_threads';
import { discard } from '../../core/discard.js';
import { serveRequests } from '../../runtime/serve-requests.js';
import { refineLabels } from '../refinement/refine-labels.js';
import { PyramidMatcher } from './cell-matcher.js';
import { LabelPropagation } from './label-propagation.js';
import type { LabelReply, LabelRequest } from './label-protocol.js';
import type { PropagationSettings } from './settings.js';

// Most runs are over before V8 has seen often enough what is worth compiling: machine code at once, if plain, makes a run that finds
// its descriptors in the cache a twelfth shorter than bytecode. (A flag of the whole process; it holds for what is compiled from now on.)
setFlagsFromString('--always-sparkplug');

const settings = workerData as PropagationSettings;
const propagation = new LabelPropagation(new PyramidMatcher(settings), settings, (labels, image) =>
	refineLabels(labels, image, settings.refinement),
);

const answer = async (request: LabelRequest): Promise<LabelReply> => {
	switch (request.kind) {
		case 'begin':
			return propagation.begin(request.start);
		case 'remember':
			await propagation.remember(request.map, request.masks);
			discard([request.map.data]);
			return undefined;
		case 'next': {
			const found = await propagation.next(request.map, request.image);
			discard([request.map.data]);
			return found;
		}
		case 'refine':
			return refineLabels(request.labels, request.image, settings.refinement);
	}
};

/** Labels that are remembered stay; what else is found is made for the one who asks. */
const buffersOf = (reply: LabelReply): ArrayBuffer[] => {
	if (reply === undefined || !('ids' in reply)) {
		return [];
	}
	const { ids } = reply;
	const labels = 'unrefined' in reply && reply.unrefined !== reply.remembered ? [reply.unrefined.data] : [];
	return [ids, ...labels].map(({ buffer }) => buffer as ArrayBuffer);
};

serveRequests(answer, buffersOf);
