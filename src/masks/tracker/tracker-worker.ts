/**
 * The worker thread in which masks are tracked: it holds what is remembered of a pass and the graphs that read it. One pass at a time.
 */
import { workerData } from 'node:worker_threads';
import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { openGraph } from '../../runtime/open-graph.js';
import { serveRequests } from '../../runtime/serve-requests.js';
import type { PassStart } from '../propagator.js';
import { MemoryPlan, MIN_CONFIDENCE } from './memory-plan.js';
import {
	type FrameMaps,
	mapNames,
	type TrackedFrame,
	type TrackerReply,
	type TrackerRequest,
	type TrackerSettings,
} from './tracker-protocol.js';

const settings = workerData as TrackerSettings;

const open = (graph: string): Promise<InferenceSession> =>
	openGraph(graph, settings.device, settings.threads);
// Loaded one after the other, while the first frame is decoded.
const sessions = (async () => ({
	memorise: await open(settings.memorise),
	step: await open(settings.step),
}))();
sessions.catch(() => undefined);

/**
 * So many objects at most go through the graphs together: each takes some 100 MB meanwhile. They know nothing of each other before their
 * masks are shared out, so that groups find what all would find together.
 */
const GROUP = 16;

/** What there is to keep of a frame, a row for each cell at stride 16, as `memorise.onnx` lays it out. */
type MemoryRows = {
	/** [cells, 64] */
	readonly key: OrtTensor;
	/** [cells, channels] */
	readonly descriptor: OrtTensor;
	/** Of each group, [cells, objects * 48 + objects + 1]: values of its objects, their shares, and how many cells at stride 8 a row stands for. */
	readonly read: readonly OrtTensor[];
	/** Of each group, [cells, objects + 1]: the end of `read`. */
	readonly share: readonly OrtTensor[];
};
type MemoryFrame = {
	readonly frame: number;
	readonly painted: boolean;
	readonly rows: Pick<MemoryRows, 'key' | 'read'>;
};
/** The frame before, which is read in full: maps [1, C, h, w] at stride 8, `read` as above; and its rows. */
type LastFrame = {
	readonly frame: number;
	readonly rows: MemoryRows;
	readonly key: OrtTensor;
	readonly descriptor: OrtTensor;
	readonly read: readonly OrtTensor[];
};

let objects = 0;
/** Where each group begins, and where the last one ends: they are as alike as they can be. */
let groups: readonly number[] = [0];
let gain = 1;
let plan = new MemoryPlan(0);
let memory: MemoryFrame[] = [];
let last: LastFrame | undefined;
/**
 * Rows of all painted frames. What is hidden in the pass's own one is often to be seen in another: a head that comes out from behind a tree
 * would not be known again by a frame in which the tree hides it.
 */
let paintedRows: Pick<MemoryRows, 'key' | 'descriptor' | 'share'> | undefined;
/** Frames that another pass has found, and this one remembers. */
let known: readonly number[] = [];
/** Probabilities of the frame before, of each group; float32 [objects, 1, h, w]. */
let masks: readonly OrtTensor[] | undefined;

const float = (data: Float32Array, dims: readonly number[]): OrtTensor =>
	new OrtTensor('float32', data, dims);
const scalar = (value: number): OrtTensor => float(Float32Array.of(value), [1]);

const toOrt = (maps: FrameMaps): Record<string, OrtTensor> =>
	Object.fromEntries(
		mapNames.map((name) => [name, new OrtTensor(maps[name].type, maps[name].data, maps[name].dims)]),
	);

const groupsOf = (count: number): number[] => {
	const many = Math.max(1, Math.ceil(count / GROUP));
	return Array.from({ length: many + 1 }, (_, group) => Math.round((group * count) / many));
};

/** Soft masks as the graphs take them, by group. */
const probabilities = (mask: Uint8Array, [height, width]: readonly [number, number]): OrtTensor[] =>
	groups.slice(1).map((end, group) => {
		const begin = groups[group]!;
		const ofGroup = mask.subarray(begin * height * width, end * height * width);
		return float(
			Float32Array.from(ofGroup, (value) => value / 255),
			[end - begin, 1, height, width],
		);
	});

const halfSize = (maps: Record<string, OrtTensor>): readonly [number, number] => {
	const [, , height = 0, width = 0] = maps.decode2?.dims ?? [];
	return [height, width];
};

const memorise = async (
	frame: number,
	maps: Record<string, OrtTensor>,
	ofGroups: readonly OrtTensor[],
): Promise<LastFrame> => {
	const { value8, key, descriptor } = maps as Record<'value8' | 'key' | 'descriptor', OrtTensor>;
	const found: Record<'read' | 'key_rows' | 'descriptor_rows' | 'read_rows' | 'share_rows', OrtTensor>[] = [];
	for (const mask of ofGroups) {
		found.push(
			(await (await sessions).memorise.run({ value8, key, descriptor, mask })) as (typeof found)[number],
		);
	}
	const [first] = found;
	if (first === undefined) {
		throw new Error('There is no object to remember.');
	}
	const rows = {
		...{ key: first.key_rows, descriptor: first.descriptor_rows },
		...{ read: found.map(({ read_rows }) => read_rows), share: found.map(({ share_rows }) => share_rows) },
	};
	return { frame, rows, key, descriptor, read: found.map(({ read }) => read) };
};

/** Descriptors are compared with those of painted frames alone: of others they are let go. */
const memoryOf = (frame: number, painted: boolean, { key, read }: MemoryRows): MemoryFrame => ({
	frame,
	painted,
	rows: { key, read },
});

/** Frames' rows, one behind the other. */
const stacked = (frames: readonly OrtTensor[]): OrtTensor => {
	const columns = frames[0]?.dims[1] ?? 0;
	const data = new Float32Array(
		frames.reduce((length, frame) => length + (frame.data as Float32Array).length, 0),
	);
	let at = 0;
	for (const frame of frames) {
		data.set(frame.data as Float32Array, at);
		at += (frame.data as Float32Array).length;
	}
	return float(data, [data.length / columns, columns]);
};

const joined = (before: typeof paintedRows, { key, descriptor, share }: MemoryRows): typeof paintedRows =>
	before === undefined
		? { key, descriptor, share }
		: {
				key: stacked([before.key, key]),
				descriptor: stacked([before.descriptor, descriptor]),
				share: share.map((rows, group) => stacked([before.share[group]!, rows])),
			};

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/**
 * Logits [objects, cells] -> 255ths. Of several objects each pixel is shared out by their odds (Oh et al. 2019, eq. 5), the background's being
 * those of no object at all.
 */
const shareOut = (logits: Float32Array, cells: number): Uint8Array => {
	if (objects === 1) {
		return Uint8Array.from(logits, (logit) => Math.round(255 * sigmoid(logit)));
	}
	const out = new Uint8Array(logits.length);
	for (let cell = 0; cell < cells; cell++) {
		let free = 1;
		let total = 0;
		for (let at = cell; at < logits.length; at += cells) {
			const probability = bounded(sigmoid(logits[at]!));
			free *= 1 - probability;
			total += probability / (1 - probability);
		}
		free = bounded(free);
		total += free / (1 - free);
		for (let at = cell; at < logits.length; at += cells) {
			const probability = bounded(sigmoid(logits[at]!));
			out[at] = Math.round((255 * (probability / (1 - probability))) / total);
		}
	}
	return out;
};

const bounded = (probability: number): number => Math.min(1 - 1e-5, Math.max(1e-5, probability));

const mean = (values: readonly number[]): number =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

const next = async (frame: number, given: FrameMaps): Promise<TrackedFrame> => {
	if (last === undefined || paintedRows === undefined || masks === undefined) {
		throw new Error('A pass begins with a painted frame.');
	}
	const newest = last;
	const maps = toOrt(given);
	const { value8: _, ...read } = maps;
	const older = memory.filter((kept) => kept.painted || kept.frame !== newest.frame).map(({ rows }) => rows);
	const memoryKey = stacked(older.map(({ key }) => key));
	const [height, width] = halfSize(maps);
	const logits = new Float32Array(objects * height * width);
	const quality: number[] = [];
	for (const [group, last] of masks.entries()) {
		const found = (await (
			await sessions
		).step.run({
			...read,
			memory_key: memoryKey,
			memory_read: stacked(older.map(({ read }) => read[group]!)),
			first_key: paintedRows.key,
			first_descriptor: paintedRows.descriptor,
			first_share: paintedRows.share[group]!,
			last_key: newest.key,
			last_descriptor: newest.descriptor,
			last_read: newest.read[group]!,
			last_key_rows: newest.rows.key,
			last_descriptor_rows: newest.rows.descriptor,
			last_read_rows: newest.rows.read[group]!,
			last,
			gain: scalar(gain),
		})) as Record<'logits' | 'quality', OrtTensor>;
		logits.set(found.logits.data as Float32Array, groups[group]! * height * width);
		quality.push(...(found.quality.data as Float32Array));
	}
	const mask = shareOut(logits, height * width);
	const confidence = mean(quality);
	masks = probabilities(mask, [height, width]);
	last = await memorise(frame, maps, masks);
	const { keep, drop } = plan.add(frame, confidence);
	if (keep) {
		memory = [
			...memory.filter((before) => before.painted || before.frame !== drop),
			memoryOf(frame, false, last.rows),
		];
	}
	return { mask, confidence };
};

const begin = ({ frame, objects: ids, done, known: found = [] }: PassStart): readonly number[] => {
	[objects, plan, memory] = [ids.length, new MemoryPlan(frame), []];
	groups = groupsOf(objects);
	[paintedRows, last, masks] = [undefined, undefined, undefined];
	known = found.filter(({ confidence }) => confidence >= MIN_CONFIDENCE).map((passed) => passed.frame);
	for (const passed of done) {
		plan.add(passed.frame, passed.confidence);
	}
	const newest = done.at(-1)?.frame;
	return [...known, ...plan.kept, ...(newest === undefined || plan.kept.includes(newest) ? [] : [newest])];
};

const remember = async (request: Extract<TrackerRequest, { kind: 'remember' }>): Promise<void> => {
	const { frame, painted } = request;
	const maps = toOrt(request.maps);
	const mask = probabilities(request.mask, halfSize(maps));
	const full = await memorise(frame, maps, mask);
	gain = memory.length === 0 ? request.gain : gain;
	if (painted || known.includes(frame) || plan.kept.includes(frame)) {
		memory.push(memoryOf(frame, painted, full.rows));
	}
	if (painted) {
		paintedRows = joined(paintedRows, full.rows);
		last ??= full;
		masks ??= mask;
	} else if (!known.includes(frame)) {
		[last, masks] = [full, mask];
	}
};

const handle = async (request: TrackerRequest): Promise<TrackerReply> => {
	switch (request.kind) {
		case 'begin':
			return begin(request.start);
		case 'remember':
			await remember(request);
			return undefined;
		case 'next':
			return next(request.frame, request.maps);
	}
};

serveRequests(handle, (reply) =>
	reply !== undefined && 'mask' in reply ? [reply.mask.buffer as ArrayBuffer] : [],
);
