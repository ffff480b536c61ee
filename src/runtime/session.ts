import type { Tensor } from './tensor.js';

/** Where inference runs. `auto` takes CUDA or DirectML where this installation has it and it starts, else the CPU. */
export const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Device = (typeof devices)[number];

export type RuntimeOptions = {
	readonly device?: Device | undefined;
	/** Threads inside one operator; undefined leaves the choice to the runtime (all cores). */
	readonly threads?: number | undefined;
};

/** Name, element type and (where static) shape of a graph's input or output; a string is a symbolic size. */
export type ValueInfo = {
	readonly name: string;
	readonly type: string;
	readonly shape: readonly (number | string)[];
};

/**
 * A result that stays with the runtime, so that it can be fed to later runs without being copied to
 * and from the worker. Free it with {@link Runtime.free}.
 */
export type ResidentTensor = { readonly resident: number; readonly dims: readonly number[] };

export type Feeds = Readonly<Record<string, Tensor | ResidentTensor>>;

/** A loaded graph. Runs are serialised; every call settles, also when the worker dies. */
export type Session = {
	readonly inputs: readonly ValueInfo[];
	readonly outputs: readonly ValueInfo[];
	/**
	 * Runs the graph once.
	 *
	 * @param feeds one tensor for every graph input; their buffers are copied, unless they are given away
	 * @param fetches names of the wanted outputs; all when omitted
	 * @param given buffers of feeds that move to the runtime: they can't be used any more
	 * @throws Error with the runtime's message when the graph refuses the feeds
	 */
	run(
		feeds: Feeds,
		fetches?: readonly string[],
		given?: readonly ArrayBuffer[],
	): Promise<Record<string, Tensor>>;
	/** As {@link run}, but the results stay with the runtime. */
	runResident(feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, ResidentTensor>>;
	/** Frees the graph. The session can't be used afterwards. */
	release(): Promise<void>;
};

/** A path, the bytes of a generated graph, or a choice that depends on the device which `auto` turns out to be. */
export type GraphSource = string | Uint8Array | { readonly cpu: string; readonly other: string };

/**
 * The one door to the inference runtime. Graphs are loaded by path (external data is found beside the file)
 * or, for small generated graphs, from bytes.
 */
export type Runtime = {
	/** The device in use: what `auto` resolved to, or the one asked for. */
	readonly device: Device;
	/**
	 * Decides the device before anything is loaded, where only one comes into question.
	 *
	 * @returns false when only loading a graph can tell
	 */
	decideDevice(): Promise<boolean>;
	load(graph: GraphSource): Promise<Session>;
	/** Forgets resident tensors. */
	free(...tensors: readonly ResidentTensor[]): void;
	/** Releases every session and ends the worker. */
	close(): Promise<void>;
};
