/**
 * The worker thread that carries labels: matching, voting and refinement. They run beside the inversion of the frames to
 * come, which keeps another core busy, and leave the main thread to decoding, encoding and the person at the keyboard.
 */
import { workerData } from 'node:worker_threads';
import { BlockMatcher } from '../correspondence/block-matcher.js';
import type { StoredDescriptors } from '../correspondence/matcher-memory.js';
import type { GridSize } from '../correspondence/tiles.js';
import { readMap } from '../hyperfeatures/descriptor-cache.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { refineLabels } from '../refinement/refine-labels.js';
import { serveRequests } from '../runtime/serve-requests.js';
import type { LabelReply, LabelRequest, LabelWorkerSettings } from './label-protocol.js';
import { certainClasses, type SoftLabels } from './soft-labels.js';
import { vote } from './vote.js';

const { topK, candidates, temperature } = workerData as LabelWorkerSettings;
type Testimony = { readonly labels: SoftLabels; readonly certain: Uint8Array };
type Frame = { readonly descriptors: StoredDescriptors; testimony: Testimony | undefined };
const frames = new Map<number, Frame>();
let matcher: BlockMatcher | undefined;

const matcherFor = ({ height, width, channels }: DescriptorMap): BlockMatcher => {
	matcher ??= new BlockMatcher({ height, width }, channels, { k: topK, candidates: candidates ?? undefined });
	return matcher;
};

const stored = (handle: number): Frame => {
	const frame = frames.get(handle);
	if (frame === undefined) {
		throw new Error('A frame was used after it was freed.');
	}
	return frame;
};

/** What a remembered frame says, and what of it is certain. */
const testimony = (handle: number, labels: SoftLabels | undefined): Testimony => {
	const frame = stored(handle);
	if (labels !== undefined) {
		frame.testimony = { labels, certain: certainClasses(labels) };
	}
	if (frame.testimony === undefined) {
		throw new Error('A frame was asked for its vote before it had labels.');
	}
	return frame.testimony;
};

const store = (handle: number, map: DescriptorMap): GridSize => {
	frames.set(handle, { descriptors: matcherFor(map).store(map), testimony: undefined });
	return { height: map.height, width: map.width };
};

const answer = async (request: LabelRequest): Promise<LabelReply> => {
	switch (request.kind) {
		case 'store':
			return store(request.handle, request.map);
		case 'load': {
			const map = await readMap(request.file);
			return map && store(request.handle, map);
		}
		case 'vote': {
			const searched = request.witnesses.map(({ handle, labels, radius }) => ({
				descriptors: stored(handle).descriptors,
				radius: radius ?? Number.POSITIVE_INFINITY,
				...testimony(handle, labels),
			}));
			const matches = matcher?.match(stored(request.query).descriptors, searched);
			if (matches === undefined) {
				throw new Error('Nothing has been stored to vote on.');
			}
			return vote(
				matches,
				searched.map(({ labels }) => labels),
				temperature,
			);
		}
		case 'refine':
			return refineLabels(request.labels, request.image, request.settings);
		case 'free':
			stored(request.handle).descriptors.free();
			frames.delete(request.handle);
			return undefined;
	}
};

/** Replies are made for the one who asks. */
const buffersOf = (reply: LabelReply): ArrayBuffer[] => {
	if (reply === undefined || !('labels' in reply)) {
		return [];
	}
	const { data } = reply.labels;
	const other = 'ids' in reply ? reply.ids : reply.bestSimilarity;
	return [data.buffer as ArrayBuffer, other.buffer as ArrayBuffer];
};

serveRequests(answer, buffersOf);
