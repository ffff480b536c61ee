import type { Device, Feeds, GraphSource, ResidentTensor, ValueInfo } from './session.js';
import type { Tensor } from './tensor.js';

/** What the main thread asks of the inference worker. */
export type WorkerRequest =
	/** Which devices a graph would be tried on, best first. */
	| { readonly kind: 'devices' }
	| { readonly kind: 'load'; readonly graph: GraphSource }
	| {
			readonly kind: 'run';
			readonly session: number;
			readonly feeds: Feeds;
			readonly fetches: readonly string[] | undefined;
			readonly resident: boolean;
	  }
	| { readonly kind: 'free'; readonly residents: readonly number[] }
	| { readonly kind: 'release'; readonly session: number };

export type DevicesReply = { readonly devices: readonly Device[] };

export type LoadReply = {
	readonly session: number;
	readonly device: Device;
	readonly inputs: readonly ValueInfo[];
	readonly outputs: readonly ValueInfo[];
};
export type RunReply = Record<string, Tensor | ResidentTensor>;

/** Start-up data of the worker. */
export type WorkerSettings = { readonly device: Device; readonly threads: number | undefined };
