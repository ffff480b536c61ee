/**
 * The worker thread that carries labels: matching, voting and refinement. They run beside the inversion of the frames to
 * come, which keeps another core busy, and leave the main thread to decoding, encoding and the person at the keyboard.
 */
import { workerData } from 'node:worker_threads';
import { MapReader } from '../hyperfeatures/descriptor-cache.js';
import { refineLabels } from '../refinement/refine-labels.js';
import { serveRequests } from '../runtime/serve-requests.js';
import type { LabelReply, LabelRequest, LabelWorkerSettings } from './label-protocol.js';
import { VotingMemory } from './voting-memory.js';

const memory = new VotingMemory(workerData as LabelWorkerSettings);
const maps = new MapReader();

const answer = async (request: LabelRequest): Promise<LabelReply> => {
	switch (request.kind) {
		case 'store':
			return memory.store(request.handle, request.map);
		case 'load': {
			const map = await maps.read(request.file);
			return map && memory.store(request.handle, map);
		}
		case 'vote':
			return memory.vote(request.query, request.keyframes, request.recent);
		case 'refine': {
			const { labels, image, settings } = request;
			return refineLabels(typeof labels === 'number' ? memory.votedOn(labels) : labels, image, settings);
		}
		case 'free':
			memory.free(request.handle);
			return undefined;
	}
};

/** Replies are made for the one who asks; a vote's labels stay, for they may be refined next. */
const buffersOf = (reply: LabelReply): ArrayBuffer[] => {
	if (reply === undefined || !('labels' in reply)) {
		return [];
	}
	const given = 'ids' in reply ? [reply.labels.data, reply.ids] : [reply.bestSimilarity];
	return given.map(({ buffer }) => buffer as ArrayBuffer);
};

serveRequests(answer, buffersOf);
