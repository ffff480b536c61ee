import type { DescriptorMap } from '../core/descriptor-map.js';
import type { GridSize } from '../core/size.js';
import { buildGraph } from '../onnx/build-graph.js';
import { ints } from '../onnx/graph-spec.js';
import type { ResidentTensor, Runtime, Session } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';

/** A descriptor map ready for matching: L2-normalised, one row a cell, on the runtime's device. */
export type NormalisedDescriptors = {
	readonly grid: GridSize;
	readonly channels: number;
	/** [H * W, C] */
	readonly rows: ResidentTensor;
	free(): void;
};

/** Puts descriptor maps on the device in the layout that matching wants. */
export class DescriptorBank {
	readonly #runtime: Runtime;
	#session: Promise<Session> | undefined;

	constructor(runtime: Runtime) {
		this.#runtime = runtime;
	}

	/** Normalises every descriptor to length 1 (zero vectors stay zero) and keeps the result on the device. */
	async add(map: DescriptorMap): Promise<NormalisedDescriptors> {
		this.#session ??= this.#runtime.load(normaliseGraph());
		const session = await this.#session;
		const { rows } = await session.runResident({
			map: float32(map.data, [map.channels, map.height * map.width]),
		});
		if (rows === undefined) {
			throw new Error('The normalising graph returned nothing.');
		}
		return {
			grid: { height: map.height, width: map.width },
			channels: map.channels,
			rows,
			free: () => this.#runtime.free(rows),
		};
	}

	/** Releases the normalising graph; descriptors already made stay valid. */
	async close(): Promise<void> {
		await (await this.#session)?.release();
	}
}

const normaliseGraph = (): Uint8Array =>
	buildGraph({
		name: 'normalise',
		opset: 17,
		inputs: [{ name: 'map', type: 'float32', shape: ['channels', 'cells'] }],
		outputs: [{ name: 'rows', type: 'float32', shape: ['cells', 'channels'] }],
		nodes: [
			{ opType: 'Transpose', inputs: ['map'], outputs: ['raw'], attributes: { perm: ints([1, 0]) } },
			{ opType: 'ReduceL2', inputs: ['raw'], outputs: ['length'], attributes: { axes: ints([1]) } },
			{ opType: 'Max', inputs: ['length', 'tiny'], outputs: ['divisor'] },
			{ opType: 'Div', inputs: ['raw', 'divisor'], outputs: ['rows'] },
		],
		initializers: [{ name: 'tiny', tensor: float32(new Float32Array([1e-12]), [1]) }],
	});
