import { BlockMatcher } from '../../src/correspondence/block-matcher.js';
import type { StoredDescriptors } from '../../src/correspondence/matcher-memory.js';
import { readMap } from '../../src/hyperfeatures/descriptor-cache.js';
import type { DescriptorMap } from '../../src/hyperfeatures/descriptor-map.js';
import type { PropagationSettings } from '../../src/propagation/settings.js';
import { certainClasses } from '../../src/propagation/soft-labels.js';
import { type Vote, vote } from '../../src/propagation/vote.js';
import type { StoredFrame, Voter, Witness } from '../../src/propagation/voter.js';

/** The CPU's voter without its thread, so that the time of the process is the time of the matching. */
export class InlineVoter implements Voter {
	readonly #settings: PropagationSettings;
	readonly #frames = new Map<number, StoredDescriptors>();
	#matcher: BlockMatcher | undefined;
	#nextHandle = 1;

	constructor(settings: PropagationSettings) {
		this.#settings = settings;
	}

	async store(map: DescriptorMap): Promise<StoredFrame> {
		const { topK: k, candidates } = this.#settings;
		this.#matcher ??= new BlockMatcher(map, map.channels, { k, candidates: candidates ?? undefined });
		const handle = this.#nextHandle++;
		const stored = this.#matcher.store(map);
		this.#frames.set(handle, stored);
		return {
			grid: { height: map.height, width: map.width },
			handle,
			free: () => {
				stored.free();
				this.#frames.delete(handle);
			},
		};
	}

	async load(file: string): Promise<StoredFrame | undefined> {
		const map = await readMap(file);
		return map && this.store(map);
	}

	async vote(query: StoredFrame, witnesses: readonly Witness[]): Promise<Vote> {
		if (this.#matcher === undefined) {
			throw new Error('Nothing has been stored to vote on.');
		}
		const matches = this.#matcher.match(
			this.#stored(query),
			witnesses.map(({ frame, labels, radius }) => ({
				descriptors: this.#stored(frame),
				certain: certainClasses(labels),
				radius: radius ?? Number.POSITIVE_INFINITY,
			})),
		);
		return vote(
			matches,
			witnesses.map(({ labels }) => labels),
			this.#settings.temperature,
		);
	}

	async close(): Promise<void> {
		this.#frames.clear();
	}

	#stored({ handle }: StoredFrame): StoredDescriptors {
		const stored = this.#frames.get(handle);
		if (stored === undefined) {
			throw new Error('A frame was used after it was freed.');
		}
		return stored;
	}
}
