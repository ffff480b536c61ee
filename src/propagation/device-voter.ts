import { DescriptorBank, type NormalisedDescriptors } from '../correspondence/descriptor-bank.js';
import { mergeMatches } from '../correspondence/merge-matches.js';
import { type TopMatches, WindowMatcher } from '../correspondence/window-matcher.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { readMap } from '../hyperfeatures/map-reader.js';
import type { Runtime } from '../runtime/session.js';
import { type KeyframeWeights, poolVotes } from './pool-votes.js';
import type { PropagationSettings } from './settings.js';
import { type Vote, vote } from './vote.js';
import type { StoredFrame, Voter, Witness } from './voter.js';

type DeviceVoterSettings = Pick<PropagationSettings, 'topK' | 'temperature'> & KeyframeWeights;

/** A voter that matches on the model's device, where the products are cheap: every key in the window, exactly. */
export class DeviceVoter implements Voter {
	readonly #runtime: Runtime;
	readonly #settings: DeviceVoterSettings;
	readonly #bank: DescriptorBank;
	readonly #frames = new Map<number, NormalisedDescriptors>();
	/** A matcher for each radius in use. */
	readonly #matchers = new Map<number | null, Promise<WindowMatcher>>();
	#nextHandle = 1;

	constructor(runtime: Runtime, settings: DeviceVoterSettings) {
		this.#runtime = runtime;
		this.#settings = settings;
		this.#bank = new DescriptorBank(runtime);
	}

	async store(map: DescriptorMap): Promise<StoredFrame> {
		const descriptors = await this.#bank.add(map);
		const handle = this.#nextHandle++;
		this.#frames.set(handle, descriptors);
		return {
			grid: descriptors.grid,
			handle,
			free: () => {
				descriptors.free();
				this.#frames.delete(handle);
			},
		};
	}

	async load(file: string): Promise<StoredFrame | undefined> {
		const map = await readMap(file);
		return map && this.store(map);
	}

	async vote(query: StoredFrame, keyframes: readonly Witness[], recent: readonly Witness[]): Promise<Vote> {
		const fromKeyframes = await this.#ask(query, keyframes);
		return recent.length === 0
			? fromKeyframes
			: poolVotes(fromKeyframes, await this.#ask(query, recent), this.#settings);
	}

	async #ask(query: StoredFrame, witnesses: readonly Witness[]): Promise<Vote> {
		const { topK, temperature } = this.#settings;
		const matches: TopMatches[] = [];
		for (const { frame, radius } of witnesses) {
			const matcher = await this.#matcher(query.grid, radius);
			matches.push(await matcher.match(this.#stored(query), this.#stored(frame)));
		}
		return vote(
			mergeMatches(matches, topK),
			witnesses.map(({ labels }) => {
				if (labels === undefined) {
					throw new Error('A frame was asked for its vote before it had labels.');
				}
				return labels;
			}),
			temperature,
		);
	}

	async close(): Promise<void> {
		for (const descriptors of this.#frames.values()) {
			descriptors.free();
		}
		this.#frames.clear();
		for (const matcher of this.#matchers.values()) {
			await (await matcher).close();
		}
		await this.#bank.close();
	}

	#matcher(grid: StoredFrame['grid'], radius: number | null): Promise<WindowMatcher> {
		const known = this.#matchers.get(radius);
		if (known !== undefined) {
			return known;
		}
		const reach = radius ?? Number.POSITIVE_INFINITY;
		const opened = WindowMatcher.open(this.#runtime, grid, reach, this.#settings.topK);
		this.#matchers.set(radius, opened);
		return opened;
	}

	#stored({ handle }: StoredFrame): NormalisedDescriptors {
		const descriptors = this.#frames.get(handle);
		if (descriptors === undefined) {
			throw new Error('A frame was used after it was freed.');
		}
		return descriptors;
	}
}
