import type { DescriptorMap } from '../../core/descriptor-map.js';
import { discard } from '../../core/discard.js';
import { type LabelMap, objectIds, type Raster } from '../../core/frame.js';
import { labelsFromMask, type SoftLabels } from '../../core/soft-labels.js';
import type { DoneFrame, PassStart } from '../propagator.js';
import type { RefinedLabels } from '../refinement/refine-labels.js';
import type { CellMatcher, LabelledCells, MatchedCells } from './cell-matcher.js';
import { labelsOfMatches, type MatchedLabels } from './labels-of-matches.js';
import { poolLabels } from './pool-labels.js';
import type { PropagationSettings } from './settings.js';

/** What label propagation finds for a frame. */
export type PropagatedLabels = {
	/** [H * W of the frame] object ids. */
	readonly ids: Uint8Array;
	/** As the remembered frames say, before refinement. */
	readonly unrefined: SoftLabels;
	/** What later frames match against. */
	readonly remembered: SoftLabels;
	readonly confidence: number;
};

type Refine = (labels: SoftLabels, image: Raster<3>) => RefinedLabels | Promise<RefinedLabels>;

/**
 * Label propagation on the descriptor grid, with all that it remembers: the painted frames for good, and the last few others. Their
 * labels are averaged for the next one, which is then refined on its image.
 */
export class LabelPropagation<Cells extends MatchedCells = MatchedCells> {
	readonly #matcher: CellMatcher<Cells>;
	readonly #settings: PropagationSettings;
	readonly #refine: Refine;
	#painted: LabelledCells<Cells>[] = [];
	/** The oldest first. */
	#recent: LabelledCells<Cells>[] = [];
	/** Classes of the pass's labels: ids of its objects, background first. */
	#ids: readonly number[] = [0];
	/** Objects of the pass's own painted frame. */
	#shown = '';

	constructor(matcher: CellMatcher<Cells>, settings: PropagationSettings, refine: Refine) {
		this.#matcher = matcher;
		this.#settings = settings;
		this.#refine = refine;
	}

	/** Starts a pass. @returns frames to be remembered behind the painted ones */
	begin({ objects, done }: Pick<PassStart, 'objects' | 'done'>): number[] {
		for (const frame of [...this.#painted, ...this.#recent]) {
			this.#forget(frame);
		}
		[this.#painted, this.#recent] = [[], []];
		this.#ids = [0, ...objects];
		const { recentFrames } = this.#settings;
		return recentFrames === 0 ? [] : done.slice(-recentFrames).map(({ frame }: DoneFrame) => frame);
	}

	/** Painted frames that show other objects than the pass's own are left out: where one has no object, it would speak for background. */
	async remember(map: DescriptorMap, masks: LabelMap | Pick<PropagatedLabels, 'remembered'>): Promise<void> {
		if ('remembered' in masks) {
			this.#addRecent({ cells: await this.#matcher.add(map), labels: masks.remembered });
			return;
		}
		const shown = objectIds(masks).join();
		if (this.#painted.length === 0) {
			this.#shown = shown;
		}
		if (shown === this.#shown) {
			const cells = await this.#matcher.add(map);
			this.#painted.push({ cells, labels: labelsFromMask(masks, cells.grid, this.#ids) });
		}
	}

	/** The labels of the pass's next frame; those on the grid are valid until the frame is forgotten. */
	async next(map: DescriptorMap, image: Raster<3>): Promise<PropagatedLabels> {
		const cells = await this.#matcher.add(map);
		const { labels: unrefined, bestSimilarity } = await this.#labelsOf(cells);
		const refined = await this.#refine(unrefined, image);
		const remembered = this.#settings.feedBack === 'refined' ? refined.labels : unrefined;
		const confidence = frameConfidence(unrefined, bestSimilarity);
		discard([bestSimilarity]);
		this.#addRecent({ cells, labels: remembered });
		return { ids: refined.ids, unrefined, remembered, confidence };
	}

	async close(): Promise<void> {
		this.begin({ objects: [], done: [] });
		await this.#matcher.close();
	}

	/** What the painted and the recent frames say, pooled. */
	async #labelsOf(query: Cells): Promise<MatchedLabels> {
		const { keyframeRadius, radius } = this.#settings;
		const painted = await this.#ask(query, this.#painted, keyframeRadius);
		if (this.#recent.length === 0) {
			return painted;
		}
		const recent = await this.#ask(query, this.#recent, radius);
		const pooled = poolLabels(painted, recent, this.#settings);
		discard([painted, recent].flatMap(({ labels, bestSimilarity }) => [labels.data, bestSimilarity]));
		return pooled;
	}

	async #ask(
		query: Cells,
		frames: readonly LabelledCells<Cells>[],
		radius: number | null,
	): Promise<MatchedLabels> {
		const matches = await this.#matcher.match(query, frames, radius);
		const labels = frames.map((frame) => frame.labels);
		const found = labelsOfMatches(matches, labels, this.#settings.temperature);
		discard([matches.owners, matches.indices, matches.similarities]);
		return found;
	}

	#addRecent(frame: LabelledCells<Cells>): void {
		if (this.#settings.recentFrames === 0) {
			frame.cells.free();
			return;
		}
		this.#recent.push(frame);
		if (this.#recent.length > this.#settings.recentFrames) {
			const oldest = this.#recent.shift();
			if (oldest !== undefined) {
				this.#forget(oldest);
			}
		}
	}

	/** Labels are freed at once: they have lived too long for the garbage collector to look at them often. */
	#forget({ cells, labels }: LabelledCells<Cells>): void {
		cells.free();
		discard([labels.data]);
	}
}

/** Cells where objects together are less probable than this say nothing about the objects. */
const MIN_OBJECT_PROBABILITY = 0.05;

/**
 * How far a propagated frame can be trusted, 0..1: over the cells that may belong to an object, the mean of
 * (how decided the cell is) x (how similar the best match is). 1 when no object is in sight.
 *
 * @param bestSimilarity [H * W] cosine similarity of each cell's best match
 */
export const frameConfidence = ({ ids, data }: SoftLabels, bestSimilarity: Float32Array): number => {
	const classes = ids.length;
	let sum = 0;
	let weight = 0;
	for (let cell = 0; cell < bestSimilarity.length; cell++) {
		const object = 1 - data[cell * classes]!;
		if (object < MIN_OBJECT_PROBABILITY) {
			continue;
		}
		let best = 0;
		for (let c = 0; c < classes; c++) {
			best = Math.max(best, data[cell * classes + c]!);
		}
		sum += object * best * Math.max(0, bestSimilarity[cell]!);
		weight += object;
	}
	return weight === 0 ? 1 : sum / weight;
};
