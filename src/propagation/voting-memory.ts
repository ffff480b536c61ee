import { BlockMatcher } from '../correspondence/block-matcher.js';
import type { StoredDescriptors } from '../correspondence/searched-frame.js';
import type { GridSize } from '../correspondence/tiles.js';
import { discard } from '../discard.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import type { LabelWorkerSettings, ToldWitness } from './label-protocol.js';
import { poolVotes } from './pool-votes.js';
import { certainClasses, type SoftLabels } from './soft-labels.js';
import { type Vote, vote } from './vote.js';

type Testimony = { readonly labels: SoftLabels; readonly certainSquares: Uint8Array };
type Frame = {
	readonly descriptors: StoredDescriptors;
	testimony: Testimony | undefined;
	/** What the last vote on this frame gave. */
	voted: SoftLabels | undefined;
};

/** The frames of a CPU's voter by their handles, and the votes that they take; all maps have one shape. */
export class VotingMemory {
	readonly #settings: LabelWorkerSettings;
	readonly #frames = new Map<number, Frame>();
	#matcher: BlockMatcher | undefined;

	constructor(settings: LabelWorkerSettings) {
		this.#settings = settings;
	}

	store(handle: number, map: DescriptorMap): GridSize {
		const { topK: k, candidates } = this.#settings;
		this.#matcher ??= new BlockMatcher(map, map.channels, { k, candidates: candidates ?? undefined });
		this.#frames.set(handle, {
			descriptors: this.#matcher.store(map),
			testimony: undefined,
			voted: undefined,
		});
		return { height: map.height, width: map.width };
	}

	/** What the keyframes (at least one) and the recent frames say, pooled; all labels with the same classes. */
	vote(query: number, keyframes: readonly ToldWitness[], recent: readonly ToldWitness[]): Vote {
		const fromKeyframes = this.#ask(query, keyframes);
		const pooled = recent.length === 0 ? fromKeyframes : this.#pool(fromKeyframes, this.#ask(query, recent));
		this.#frame(query).voted = pooled.labels;
		return pooled;
	}

	#pool(keyframes: Vote, recent: Vote): Vote {
		const pooled = poolVotes(keyframes, recent, this.#settings);
		discard([keyframes, recent].flatMap(({ labels, bestSimilarity }) => [labels.data, bestSimilarity]));
		return pooled;
	}

	/** What the vote on a frame has given. */
	votedOn(query: number): SoftLabels {
		const { voted } = this.#frame(query);
		if (voted === undefined) {
			throw new Error('A frame was to be refined before its vote.');
		}
		return voted;
	}

	/** Gives a frame the labels that it has a say with from now on. */
	remember(handle: number, labels: SoftLabels): void {
		const certainSquares = this.#known().certainSquares(certainClasses(labels));
		this.#frame(handle).testimony = { labels, certainSquares };
	}

	#ask(query: number, witnesses: readonly ToldWitness[]): Vote {
		const searched = witnesses.map(({ handle, labels, radius }) => ({
			descriptors: this.#frame(handle).descriptors,
			radius: radius ?? Number.POSITIVE_INFINITY,
			...this.#testimony(handle, labels),
		}));
		const matches = this.#known().match(this.#frame(query).descriptors, searched);
		const voted = vote(
			matches,
			searched.map(({ labels }) => labels),
			this.#settings.temperature,
		);
		discard([matches.owners, matches.indices, matches.similarities]);
		return voted;
	}

	/** Forgets a frame, and its labels with it: they have lived too long for the garbage collector to look at them often. */
	free(handle: number): void {
		const { descriptors, testimony, voted } = this.#frame(handle);
		descriptors.free();
		this.#frames.delete(handle);
		const labels = [testimony?.labels.data, testimony?.certainSquares, voted?.data];
		discard(labels.filter((array) => array !== undefined));
	}

	/** What a remembered frame says, and what of it is certain. */
	#testimony(handle: number, labels: SoftLabels | undefined): Testimony {
		if (labels !== undefined) {
			this.remember(handle, labels);
		}
		const { testimony } = this.#frame(handle);
		if (testimony === undefined) {
			throw new Error('A frame was asked for its vote before it had labels.');
		}
		return testimony;
	}

	#known(): BlockMatcher {
		if (this.#matcher === undefined) {
			throw new Error('Nothing has been stored to vote on.');
		}
		return this.#matcher;
	}

	#frame(handle: number): Frame {
		const frame = this.#frames.get(handle);
		if (frame === undefined) {
			throw new Error('A frame was used after it was freed.');
		}
		return frame;
	}
}
