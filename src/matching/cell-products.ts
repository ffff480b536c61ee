import { buildGraph } from '../onnx/build-graph.js';
import { int } from '../onnx/graph-spec.js';
import type { Runtime, Session } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';

/** Dot products of some descriptors with all descriptors of another grid, on the model's device. */
export class CellProducts {
	readonly #session: Session;

	private constructor(session: Session) {
		this.#session = session;
	}

	static async open(runtime: Runtime): Promise<CellProducts> {
		return new CellProducts(await runtime.load(productsGraph()));
	}

	/**
	 * @param a [m, channels]
	 * @param b [n, channels]
	 * @returns [m, n]
	 */
	async multiply(a: Float32Array, b: Float32Array, channels: number): Promise<Float32Array> {
		const { products } = await this.#session.run({
			a: float32(a, [a.length / channels, channels]),
			b: float32(b, [b.length / channels, channels]),
		});
		return products?.data as Float32Array;
	}

	async close(): Promise<void> {
		await this.#session.release();
	}
}

const productsGraph = (): Uint8Array =>
	buildGraph({
		name: 'products',
		opset: 17,
		inputs: [
			{ name: 'a', type: 'float32', shape: ['m', 'channels'] },
			{ name: 'b', type: 'float32', shape: ['n', 'channels'] },
		],
		outputs: [{ name: 'products', type: 'float32', shape: ['m', 'n'] }],
		nodes: [
			// The runtime's own operator: the product with a transposed operand, without transposing it first.
			{
				opType: 'FusedMatMul',
				domain: 'com.microsoft',
				inputs: ['a', 'b'],
				outputs: ['products'],
				attributes: { transB: int(1) },
			},
		],
		initializers: [],
	});
