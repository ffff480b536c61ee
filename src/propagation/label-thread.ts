import type { GridSize } from '../correspondence/tiles.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import type { Raster } from '../media/frame.js';
import type { RefinedLabels } from '../refinement/refine-labels.js';
import type { RefinementSettings } from '../refinement/settings.js';
import { builtUrl } from '../runtime/built-url.js';
import { WorkerChannel } from '../runtime/worker-channel.js';
import type { LabelReply, LabelRequest, LabelWorkerSettings, ToldWitness } from './label-protocol.js';
import type { SoftLabels } from './soft-labels.js';
import type { Vote } from './vote.js';
import type { StoredFrame, Voter, Witness } from './voter.js';

/** A thread's default is so little that what a vote and a refinement allocate is collected many times a frame. */
const YOUNG_MEGABYTES = 64;

/** The voter of the CPU, in a thread of its own; refinement runs there too. */
export class LabelThread implements Voter {
	readonly #channel: WorkerChannel<LabelRequest, LabelReply>;
	/** What the thread knows of the stored frames: remembered frames testify many times, with the same labels. */
	readonly #labels = new Map<number, SoftLabels>();
	#nextHandle = 1;

	constructor(settings: LabelWorkerSettings) {
		this.#channel = new WorkerChannel(
			builtUrl(import.meta.url, './label-worker.js'),
			'label worker',
			settings,
			{ maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
		);
	}

	async store(map: DescriptorMap): Promise<StoredFrame> {
		const handle = this.#nextHandle++;
		const grid = await this.#channel.request({ kind: 'store', handle, map }, [
			map.data.buffer as ArrayBuffer,
		]);
		return this.#stored(handle, grid as GridSize);
	}

	/** The map is read by the thread, so that it is never copied from one to another. */
	async load(file: string): Promise<StoredFrame | undefined> {
		const handle = this.#nextHandle++;
		const grid = (await this.#channel.request({ kind: 'load', handle, file })) as GridSize | undefined;
		return grid && this.#stored(handle, grid);
	}

	#stored(handle: number, grid: GridSize): StoredFrame {
		return {
			grid,
			handle,
			// Nothing waits for it, since requests are handled in order; a closed worker has freed everything anyway.
			free: () => {
				this.#labels.delete(handle);
				this.#channel.request({ kind: 'free', handle }).catch(() => undefined);
			},
		};
	}

	async vote(query: StoredFrame, keyframes: readonly Witness[], recent: readonly Witness[]): Promise<Vote> {
		return (await this.#channel.request({
			kind: 'vote',
			query: query.handle,
			keyframes: this.#told(keyframes),
			recent: this.#told(recent),
		})) as Vote;
	}

	#told(witnesses: readonly Witness[]): ToldWitness[] {
		return witnesses.map(({ frame: { handle }, labels, radius }) => {
			const isKnown = labels === undefined || this.#labels.get(handle) === labels;
			if (!isKnown) {
				this.#labels.set(handle, labels);
			}
			return { handle, radius, labels: isKnown ? undefined : labels };
		});
	}

	/**
	 * As `refineLabels`.
	 *
	 * @param labels or the frame whose vote has been asked for. Nothing need then be read here for the thread to go on: it
	 * remembers what comes out as that frame's labels, and the next vote can be asked for at once
	 */
	async refine(
		labels: SoftLabels | StoredFrame,
		image: Raster<3>,
		settings: RefinementSettings,
	): Promise<RefinedLabels> {
		const given = 'handle' in labels ? labels.handle : labels;
		return (await this.#channel.request({ kind: 'refine', labels: given, image, settings })) as RefinedLabels;
	}

	close(): Promise<void> {
		return this.#channel.terminate();
	}
}
