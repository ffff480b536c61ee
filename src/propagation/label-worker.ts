/**
 * The worker thread that carries labels: matching, voting and refinement. They run beside the inversion of the frames to
 * come, which keeps another core busy, and leave the main thread to decoding, encoding and the person at the keyboard.
 */
import { setFlagsFromString } from 'node:v8';
import { workerData } from 'node:worker_threads';
import type { GridSize } from '../correspondence/tiles.js';
import { discard } from '../discard.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { MapReader } from '../hyperfeatures/map-reader.js';
import { type RefinedLabels, refineLabels } from '../refinement/refine-labels.js';
import { serveRequests } from '../runtime/serve-requests.js';
import type { LabelReply, LabelRequest, LabelWorkerSettings } from './label-protocol.js';
import { VotingMemory } from './voting-memory.js';

// Most runs are over before V8 has seen often enough what is worth compiling: machine code at once, if plain, makes a run that finds
// its descriptors in the cache a twelfth shorter than bytecode. (A flag of the whole process; it holds for what is compiled from now on.)
setFlagsFromString('--always-sparkplug');

const settings = workerData as LabelWorkerSettings;
const memory = new VotingMemory(settings);
const maps = new MapReader();

type RefineRequest = Extract<LabelRequest, { kind: 'refine' }>;

const answer = (request: LabelRequest): LabelReply => {
	switch (request.kind) {
		case 'store':
			return store(request.handle, request.map);
		case 'load': {
			const map = maps.read(request.file);
			return map && store(request.handle, map);
		}
		case 'vote':
			return memory.vote(request.query, request.keyframes, request.recent);
		case 'refine':
			return typeof request.labels === 'number'
				? refineVote(request.labels, request)
				: refineLabels(request.labels, request.image, request.settings);
		case 'free':
			memory.free(request.handle);
			return undefined;
	}
};

const store = (handle: number, map: DescriptorMap): GridSize => {
	const grid = memory.store(handle, map);
	discard([map.data]);
	return grid;
};

const refineVote = (handle: number, { image, settings: refinement }: RefineRequest): RefinedLabels => {
	const voted = memory.votedOn(handle);
	const refined = refineLabels(voted, image, refinement);
	memory.remember(handle, settings.feedBack === 'refined' ? refined.labels : voted);
	return refined;
};

/** Replies are made for the one who asks, but labels stay: they may be refined next, or have a say in later votes. */
const buffersOf = (reply: LabelReply): ArrayBuffer[] => {
	if (reply === undefined || !('labels' in reply)) {
		return [];
	}
	return [('ids' in reply ? reply.ids : reply.bestSimilarity).buffer as ArrayBuffer];
};

serveRequests(answer, buffersOf);
