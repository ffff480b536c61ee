import type { DescriptorMap } from '../../core/descriptor-map.js';
import type { GridSize } from '../../core/size.js';
import { certainClasses, type SoftLabels } from '../../core/soft-labels.js';
import { BlockMatcher, type StoredDescriptors } from '../../matching/block-matcher.js';
import { DescriptorBank, type NormalisedDescriptors } from '../../matching/descriptor-bank.js';
import { type MemoryMatches, mergeMatches } from '../../matching/merge-matches.js';
import { type TopMatches, WindowMatcher } from '../../matching/window-matcher.js';
import type { Runtime } from '../../runtime/session.js';
import type { PropagationSettings } from './settings.js';

/** A frame's descriptors, where they are matched. */
export type MatchedCells = { readonly grid: GridSize; free(): void };

/** A frame with its labels. */
export type LabelledCells<Cells extends MatchedCells> = {
	readonly cells: Cells;
	readonly labels: SoftLabels;
};

/** Finds where the cells of a frame were in other frames; all maps have one shape. */
export interface CellMatcher<Cells extends MatchedCells = MatchedCells> {
	add(map: DescriptorMap): Cells | Promise<Cells>;
	/** The best matches of every cell over all frames, of which there is at least one. @param radius in cells; null for all cells */
	match(
		query: Cells,
		frames: readonly LabelledCells<Cells>[],
		radius: number | null,
	): MemoryMatches | Promise<MemoryMatches>;
	close(): Promise<void>;
}

type StoredCells = StoredDescriptors & MatchedCells;

/** Matches in this thread, down a pyramid. */
export class PyramidMatcher implements CellMatcher<StoredCells> {
	readonly #settings: Pick<PropagationSettings, 'topK' | 'candidates'>;
	/** See `BlockMatcher.certainSuperblocks`. */
	readonly #certain = new WeakMap<SoftLabels, Uint8Array>();
	#matcher: BlockMatcher | undefined;

	constructor(settings: Pick<PropagationSettings, 'topK' | 'candidates'>) {
		this.#settings = settings;
	}

	add(map: DescriptorMap): StoredCells {
		const { topK: k, candidates } = this.#settings;
		this.#matcher ??= new BlockMatcher(map, map.channels, { k, candidates: candidates ?? undefined });
		return { ...this.#matcher.store(map), grid: { height: map.height, width: map.width } };
	}

	match(
		query: StoredCells,
		frames: readonly LabelledCells<StoredCells>[],
		radius: number | null,
	): MemoryMatches {
		const matcher = this.#matcher;
		if (matcher === undefined) {
			throw new Error('Nothing has been added to be matched.');
		}
		const searched = frames.map(({ cells, labels }) => {
			const certainSuperblocks =
				this.#certain.get(labels) ?? matcher.certainSuperblocks(certainClasses(labels));
			this.#certain.set(labels, certainSuperblocks);
			return { descriptors: cells, radius: radius ?? Number.POSITIVE_INFINITY, certainSuperblocks };
		});
		return matcher.match(query, searched);
	}

	async close(): Promise<void> {}
}

/** Matches on the model's device, where products are cheap: every key in the window, exactly. */
export class DeviceMatcher implements CellMatcher<NormalisedDescriptors> {
	readonly #runtime: Runtime;
	readonly #k: number;
	readonly #bank: DescriptorBank;
	/** A matcher for each radius in use. */
	readonly #matchers = new Map<number | null, Promise<WindowMatcher>>();

	constructor(runtime: Runtime, { topK }: Pick<PropagationSettings, 'topK'>) {
		this.#runtime = runtime;
		this.#k = topK;
		this.#bank = new DescriptorBank(runtime);
	}

	add(map: DescriptorMap): Promise<NormalisedDescriptors> {
		return this.#bank.add(map);
	}

	async match(
		query: NormalisedDescriptors,
		frames: readonly LabelledCells<NormalisedDescriptors>[],
		radius: number | null,
	): Promise<MemoryMatches> {
		const matcher = await this.#matcher(query.grid, radius);
		const matches: TopMatches[] = [];
		for (const { cells } of frames) {
			matches.push(await matcher.match(query, cells));
		}
		return mergeMatches(matches, this.#k);
	}

	async close(): Promise<void> {
		for (const matcher of this.#matchers.values()) {
			await (await matcher).close();
		}
		await this.#bank.close();
	}

	#matcher(grid: GridSize, radius: number | null): Promise<WindowMatcher> {
		const opened =
			this.#matchers.get(radius) ??
			WindowMatcher.open(this.#runtime, grid, radius ?? Number.POSITIVE_INFINITY, this.#k);
		this.#matchers.set(radius, opened);
		return opened;
	}
}
