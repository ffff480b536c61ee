import type { DescriptorMap } from '../../src/hyperfeatures/descriptor-map.js';
import { readMap } from '../../src/hyperfeatures/map-reader.js';
import type { PropagationSettings } from '../../src/propagation/settings.js';
import type { Vote } from '../../src/propagation/vote.js';
import type { StoredFrame, Voter, Witness } from '../../src/propagation/voter.js';
import { VotingMemory } from '../../src/propagation/voting-memory.js';

/** The CPU's voter without its thread, so that the time of the process is the time of the matching. */
export class InlineVoter implements Voter {
	readonly #memory: VotingMemory;
	#nextHandle = 1;

	constructor(settings: PropagationSettings) {
		this.#memory = new VotingMemory(settings);
	}

	async store(map: DescriptorMap): Promise<StoredFrame> {
		const handle = this.#nextHandle++;
		const grid = this.#memory.store(handle, map);
		return { grid, handle, free: () => this.#memory.free(handle) };
	}

	async load(file: string): Promise<StoredFrame | undefined> {
		const map = await readMap(file);
		return map && this.store(map);
	}

	async vote(query: StoredFrame, keyframes: readonly Witness[], recent: readonly Witness[]): Promise<Vote> {
		const told = (witnesses: readonly Witness[]) =>
			witnesses.map(({ frame, labels, radius }) => ({ handle: frame.handle, labels, radius }));
		return this.#memory.vote(query.handle, told(keyframes), told(recent));
	}

	async close(): Promise<void> {}
}
