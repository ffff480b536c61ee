import { availableParallelism } from 'node:os';
import { resizeBilinear } from '../../core/bilinear.js';
import { builtUrl } from '../../core/built-url.js';
import type { DescriptorExtractor, DescriptorMap } from '../../core/descriptor-map.js';
import type { LabelMap, Raster } from '../../core/frame.js';
import { pathInside } from '../../core/path-inside.js';
import type { Quality } from '../../core/quality.js';
import type { GridSize, Size } from '../../core/size.js';
import { inputSize, preprocess } from '../../features/preprocess.js';
import { bundledTrackerFolder, type InstalledTracker, type Manifest } from '../../models/manifest.js';
import { readTrackerFolder } from '../../models/model-folder.js';
import { openRuntime } from '../../runtime/onnx-runtime.js';
import type { Device, Runtime, Session } from '../../runtime/session.js';
import { float32, type Tensor } from '../../runtime/tensor.js';
import { WorkerChannel } from '../../runtime/worker-channel.js';
import { fingerprint } from '../../store/run-identity.js';
import type { PassStart, Propagator } from '../propagator.js';
import { blend, idsOf, type SoftMask, softMaskOf } from './soft-mask.js';
import type {
	FrameMaps,
	TrackedFrame,
	TrackerReply,
	TrackerRequest,
	TrackerSettings,
} from './tracker-protocol.js';

type TrackerOptions = {
	/** Of the tracker's graphs; those that come with the program when undefined. */
	readonly folder?: string | undefined;
	readonly device?: Device | undefined;
	readonly threads?: number | undefined;
	readonly quality?: Quality | undefined;
	/** Descriptors that take the place of the tracker's own, and what tells them from others; the tracker's own when undefined. */
	readonly descriptors?: { readonly extractor: DescriptorExtractor; readonly identity: string } | undefined;
};

/** What the tracker knows of a frame. */
type DescribedFrame = {
	readonly maps: FrameMaps;
	/** See `TrackerRequest`. */
	readonly gain: number;
	/** Of its soft masks. */
	readonly grid: GridSize;
};

/** What the tracker finds for a frame. */
export type TrackedMasks = SoftMask & { readonly confidence: number };

/**
 * Tracks masks with a learned decoder. Frames are described in one worker while masks are tracked in another, which holds all that is
 * remembered of a pass; nothing is computed in the calling thread.
 */
export class MaskTracker implements Propagator<DescribedFrame, TrackedMasks> {
	/** Of the graphs, the size at which they see frames, and the descriptors. */
	readonly identity: string;
	readonly #image: Manifest['image'];
	readonly #runtime: Runtime;
	readonly #encode: Promise<Session>;
	readonly #worker: Promise<WorkerChannel<TrackerRequest, TrackerReply>>;
	readonly #descriptors: DescriptorExtractor | undefined;
	/** Of the pass. */
	#objects: readonly number[] = [];

	/**
	 * Starts to load the tracker; the first call waits for it.
	 *
	 * @throws UserError from the first call, when the device can't be used
	 */
	static async open(options: TrackerOptions = {}): Promise<MaskTracker> {
		return new MaskTracker(await readTrackerFolder(options.folder ?? bundledTrackerFolder()), options);
	}

	private constructor({ folder, manifest }: InstalledTracker, options: TrackerOptions) {
		const shortSide = manifest.shortSide[options.quality ?? 'balanced'];
		const half: [number, number, number] = [0.5, 0.5, 0.5];
		this.#image = { resize: { mode: 'fit', shortSide, multiple: 32 }, mean: half, std: half };
		const descriptors = options.descriptors?.identity ?? '';
		this.identity = fingerprint([manifest.files, shortSide, descriptors]).slice(0, 24);
		this.#descriptors = options.descriptors?.extractor;
		// The next frame is described while objects are tracked in this one, which takes longer: that may have all cores.
		const cores = options.threads ?? availableParallelism();
		this.#runtime = openRuntime({ device: options.device, threads: Math.max(1, Math.ceil(cores / 2)) });
		this.#encode = this.#runtime.load(pathInside(folder, manifest.encode));
		this.#worker = this.#encode.then(() => {
			const settings: TrackerSettings = {
				step: pathInside(folder, manifest.step),
				memorise: pathInside(folder, manifest.memorise),
				device: this.#runtime.device,
				threads: cores,
			};
			return new WorkerChannel(builtUrl(import.meta.url, './tracker-worker.js'), 'mask tracker', settings);
		});
		for (const loading of [this.#encode, this.#worker]) {
			loading.catch(() => undefined);
		}
	}

	async describe(image: Raster<3>): Promise<DescribedFrame> {
		const described = this.#descriptors?.extract(image);
		described?.catch(() => undefined);
		const input = preprocess(image, this.#image);
		const { width, height } = inputSize(image, this.#image);
		const grid = { width: width / 2, height: height / 2 };
		const own = (await (
			await this.#encode
		).run({ image: input }, undefined, [input.data.buffer as ArrayBuffer])) as FrameMaps;
		if (described === undefined) {
			return { maps: own, gain: 1, grid };
		}
		const descriptor = onGrid(await described, own.descriptor);
		return { maps: { ...own, descriptor }, gain: gainOf(own.descriptor, descriptor), grid };
	}

	async begin(start: PassStart): Promise<readonly number[]> {
		this.#objects = start.objects;
		return (await this.#request({ kind: 'begin', start })) as readonly number[];
	}

	async remember(
		frame: number,
		{ maps, gain, grid }: DescribedFrame,
		masks: LabelMap | TrackedMasks,
	): Promise<void> {
		const painted = 'palette' in masks;
		const mask = painted ? softMaskOf(masks, grid, this.#objects).data : masks.data;
		await this.#request({ kind: 'remember', frame, painted, maps, mask, gain }, buffersOf(maps));
	}

	async next(frame: number, { maps, grid }: DescribedFrame): Promise<TrackedMasks> {
		const request = this.#request({ kind: 'next', frame, maps }, buffersOf(maps));
		const { mask, confidence } = (await request) as TrackedFrame;
		return { grid, data: mask, confidence };
	}

	async blend(a: TrackedMasks, b: TrackedMasks, share: number): Promise<TrackedMasks> {
		return { ...blend(a, b, share), confidence: a.confidence + share * (b.confidence - a.confidence) };
	}

	idsOf(masks: TrackedMasks, objects: readonly number[], { width, height }: Size): Uint8Array {
		return idsOf(masks, objects, width, height);
	}

	async close(): Promise<void> {
		await (await this.#worker.catch(() => undefined))?.terminate();
		await this.#runtime.close();
	}

	async #request(request: TrackerRequest, given: readonly ArrayBuffer[] = []): Promise<TrackerReply> {
		return (await this.#worker).request(request, given);
	}
}

const buffersOf = (maps: FrameMaps): ArrayBuffer[] =>
	Object.values(maps).flatMap(({ data }) => (data.buffer instanceof ArrayBuffer ? [data.buffer] : []));

/** Another model's descriptors on the tracker's grid at stride 8, of unit length. */
const onGrid = (map: DescriptorMap, own: Tensor): Tensor => {
	const [, , height = 0, width = 0] = own.dims;
	const data = Float32Array.from(
		resizeBilinear(map.data, map.channels, map.height, map.width, height, width),
	);
	const cells = height * width;
	for (let cell = 0; cell < cells; cell++) {
		let squares = 0;
		for (let at = cell; at < data.length; at += cells) {
			squares += data[at]! ** 2;
		}
		const length = Math.sqrt(squares) || 1;
		for (let at = cell; at < data.length; at += cells) {
			data[at]! /= length;
		}
	}
	return float32(data, [1, map.channels, height, width]);
};

/**
 * The tracker has learned what differences between its own descriptors' similarities mean. Others are brought to the same spread, over pairs
 * of cells of the painted frame.
 */
const gainOf = (own: Tensor, other: Tensor): number => deviation(own) / Math.max(deviation(other), 1e-3);

/** Of similarity between cells, over a lattice of pairs. */
const deviation = (descriptor: Tensor): number => {
	const data = descriptor.data as Float32Array;
	const channels = descriptor.dims[1] ?? 1;
	const cells = data.length / channels;
	const [count, step] = [48, Math.max(1, Math.floor(cells / 48))];
	let [sum, squares, pairs] = [0, 0, 0];
	for (let i = 0; i < count; i++) {
		for (let j = 0; j < i; j++) {
			let similarity = 0;
			for (let c = 0; c < channels; c++) {
				const row = c * cells;
				similarity += data[row + ((i * step) % cells)]! * data[row + ((j * step) % cells)]!;
			}
			sum += similarity;
			squares += similarity * similarity;
			pairs++;
		}
	}
	const mean = sum / pairs;
	return Math.sqrt(Math.max(0, squares / pairs - mean * mean));
};
