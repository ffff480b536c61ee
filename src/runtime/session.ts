import type { Tensor } from './tensor.js';

/** Where inference runs. `auto` takes the fastest provider that this build of the runtime offers and that starts. */
export const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Device = (typeof devices)[number];

export type SessionOptions = {
	readonly device: Device;
	/** Threads inside one operator; undefined leaves the choice to the runtime (all cores). */
	readonly threads?: number | undefined;
};

/** Name, element type and (where static) shape of a graph's input or output; a string is a symbolic size. */
export type ValueInfo = {
	readonly name: string;
	readonly type: string;
	readonly shape: readonly (number | string)[];
};

/** A loaded graph. Runs are serialised; every call settles, also when the worker dies. */
export type Session = {
	readonly inputs: readonly ValueInfo[];
	readonly outputs: readonly ValueInfo[];
	/**
	 * Runs the graph once.
	 *
	 * @param feeds one tensor for every graph input; their buffers are copied, not moved
	 * @param fetches names of the wanted outputs; all when omitted
	 * @throws Error with the runtime's message when the graph refuses the feeds
	 */
	run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
	/** Frees the graph. The session can't be used afterwards. */
	release(): Promise<void>;
};

/**
 * The one door to the inference runtime. Graphs are loaded by path (external data is found beside the file)
 * or, for small generated graphs, from bytes.
 */
export type Runtime = {
	/** The device that `auto` resolved to, or the one asked for. */
	readonly device: Device;
	load(graph: string | Uint8Array): Promise<Session>;
	/** Releases every session and ends the worker. */
	close(): Promise<void>;
};
