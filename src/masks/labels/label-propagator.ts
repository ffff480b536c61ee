import { builtUrl } from '../../core/built-url.js';
import type { DescriptorExtractor, DescriptorMap } from '../../core/descriptor-map.js';
import type { LabelMap, Raster } from '../../core/frame.js';
import { mixLabels, type SoftLabels } from '../../core/soft-labels.js';
import type { Runtime } from '../../runtime/session.js';
import { WorkerChannel } from '../../runtime/worker-channel.js';
import { fingerprint } from '../../store/run-identity.js';
import type { PassStart, Propagator } from '../propagator.js';
import type { RefinedLabels } from '../refinement/refine-labels.js';
import { DeviceMatcher } from './cell-matcher.js';
import { LabelPropagation, type PropagatedLabels } from './label-propagation.js';
import type { LabelReply, LabelRequest } from './label-protocol.js';
import type { PropagationSettings } from './settings.js';

/** A thread's default is so little that what matching and refinement allocate is collected many times a frame. */
const YOUNG_MEGABYTES = 64;

/**
 * Propagates labels by matching descriptors alone. On a CPU all of it happens in a worker; a device keeps and matches the descriptors itself,
 * and the worker refines.
 */
export class LabelPropagator implements Propagator<DescriptorMap, PropagatedLabels> {
	readonly identity: string;
	readonly #extractor: Pick<DescriptorExtractor, 'extract'>;
	readonly #worker: WorkerChannel<LabelRequest, LabelReply>;
	/** Undefined where the worker has it. */
	readonly #onDevice: LabelPropagation | undefined;
	/** What was last asked of the device: that, too, does one thing after the other. */
	#asked: Promise<unknown> = Promise.resolve();

	/** @param runtime of the extractor's model; both stay open */
	constructor(
		extractor: Pick<DescriptorExtractor, 'extract'>,
		runtime: Runtime,
		settings: PropagationSettings,
	) {
		this.identity = fingerprint(settings);
		this.#extractor = extractor;
		const resources = { maxYoungGenerationSizeMb: YOUNG_MEGABYTES };
		const url = builtUrl(import.meta.url, './label-worker.js');
		this.#worker = new WorkerChannel(url, 'label worker', settings, resources);
		this.#onDevice =
			runtime.device === 'cpu'
				? undefined
				: new LabelPropagation(new DeviceMatcher(runtime, settings), settings, (labels, image) =>
						this.#refine(labels, image),
					);
	}

	describe(image: Raster<3>): Promise<DescriptorMap> {
		return this.#extractor.extract(image);
	}

	async begin(start: PassStart): Promise<readonly number[]> {
		return this.#onDevice === undefined
			? ((await this.#worker.request({ kind: 'begin', start })) as readonly number[])
			: this.#inTurn(this.#onDevice, (labels) => labels.begin(start));
	}

	async remember(_: number, map: DescriptorMap, masks: LabelMap | PropagatedLabels): Promise<void> {
		if (this.#onDevice !== undefined) {
			// A copy, since it frees what it forgets.
			return this.#inTurn(this.#onDevice, (labels) => labels.remember(map, structuredClone(masks)));
		}
		const { buffer } = map.data;
		const known = 'remembered' in masks ? { remembered: masks.remembered } : masks;
		await this.#worker.request({ kind: 'remember', map, masks: known }, [buffer as ArrayBuffer]);
	}

	async next(_: number, map: DescriptorMap, image: Raster<3>): Promise<PropagatedLabels> {
		if (this.#onDevice !== undefined) {
			return this.#inTurn(this.#onDevice, async (labels) => structuredClone(await labels.next(map, image)));
		}
		const { buffer } = map.data;
		const found = await this.#worker.request({ kind: 'next', map, image }, [buffer as ArrayBuffer]);
		return found as PropagatedLabels;
	}

	async blend(
		a: PropagatedLabels,
		b: PropagatedLabels,
		share: number,
		image: Raster<3>,
	): Promise<PropagatedLabels> {
		const unrefined = mixLabels(a.unrefined, b.unrefined, share);
		const { ids, labels: remembered } = await this.#refine(unrefined, image);
		return { ids, unrefined, remembered, confidence: a.confidence + share * (b.confidence - a.confidence) };
	}

	idsOf({ ids }: PropagatedLabels): Uint8Array {
		return ids;
	}

	async close(): Promise<void> {
		if (this.#onDevice !== undefined) {
			await this.#inTurn(this.#onDevice, (labels) => labels.close());
		}
		await this.#worker.terminate();
	}

	#inTurn<Result>(
		onDevice: LabelPropagation,
		work: (labels: LabelPropagation) => Promise<Result> | Result,
	): Promise<Result> {
		const result = this.#asked.then(() => work(onDevice));
		this.#asked = result.catch(() => undefined);
		return result;
	}

	async #refine(labels: SoftLabels, image: Raster<3>): Promise<RefinedLabels> {
		return (await this.#worker.request({ kind: 'refine', labels, image })) as RefinedLabels;
	}
}
