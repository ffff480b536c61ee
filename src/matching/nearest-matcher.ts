import { buildGraph } from '../onnx/build-graph.js';
import { int, ints } from '../onnx/graph-spec.js';
import type { Runtime, Session } from '../runtime/session.js';
import { float32, type Tensor } from '../runtime/tensor.js';
import type { NormalisedDescriptors } from './descriptor-bank.js';

/** The best key of every query cell. */
type NearestMatches = {
	/** [queries] cell numbers in the key grid; the first of equals. */
	readonly indices: Int32Array;
	/** [queries] cosine similarities. */
	readonly similarities: Float32Array;
};

/** Similarities held at once, in elements (64 MB). */
const MAX_SIMILARITIES = 16_000_000;

/** Less than any cosine similarity, so that an excluded key never wins. */
const EXCLUDED = -4;

/**
 * Nearest neighbours between two descriptor grids of any sizes, every key a candidate: for pairs of images, where
 * nothing is known of how far things have moved. Queries come in slices, so the full similarity matrix never exists.
 */
export class NearestMatcher {
	readonly #session: Session;

	private constructor(session: Session) {
		this.#session = session;
	}

	static async open(runtime: Runtime): Promise<NearestMatcher> {
		return new NearestMatcher(await runtime.load(nearestGraph()));
	}

	/** @param allowed [keys] 1 for each key cell that may be matched; all when omitted */
	async match(
		query: NormalisedDescriptors,
		key: NormalisedDescriptors,
		allowed?: Uint8Array,
	): Promise<NearestMatches> {
		const queries = query.grid.height * query.grid.width;
		const keys = key.grid.height * key.grid.width;
		const handicap = new Float32Array(keys);
		allowed?.forEach((isAllowed, cell) => {
			handicap[cell] = isAllowed === 0 ? EXCLUDED : 0;
		});
		const indices = new Int32Array(queries);
		const similarities = new Float32Array(queries);
		const slice = Math.max(1, Math.floor(MAX_SIMILARITIES / keys));
		for (let first = 0; first < queries; first += slice) {
			const result = await this.#session.run({
				query: query.rows,
				key: key.rows,
				handicap: float32(handicap, [1, keys]),
				first: scalar(first),
				end: scalar(Math.min(first + slice, queries)),
			});
			indices.set(result.indices?.data as Int32Array, first);
			similarities.set(result.similarities?.data as Float32Array, first);
		}
		return { indices, similarities };
	}

	async close(): Promise<void> {
		await this.#session.release();
	}
}

const scalar = (value: number): Tensor => ({
	type: 'int64',
	data: BigInt64Array.of(BigInt(value)),
	dims: [1],
});

const nearestGraph = (): Uint8Array =>
	buildGraph({
		name: 'nearest',
		opset: 17,
		inputs: [
			{ name: 'query', type: 'float32', shape: ['queries', 'channels'] },
			{ name: 'key', type: 'float32', shape: ['keys', 'channels'] },
			{ name: 'handicap', type: 'float32', shape: [1, 'keys'] },
			{ name: 'first', type: 'int64', shape: [1] },
			{ name: 'end', type: 'int64', shape: [1] },
		],
		outputs: [
			{ name: 'indices', type: 'int32', shape: ['slice'] },
			{ name: 'similarities', type: 'float32', shape: ['slice'] },
		],
		nodes: [
			{ opType: 'Slice', inputs: ['query', 'first', 'end', 'rows'], outputs: ['slice_rows'] },
			// The runtime's own operator: the product with a transposed operand, without transposing it first.
			{
				opType: 'FusedMatMul',
				domain: 'com.microsoft',
				inputs: ['slice_rows', 'key'],
				outputs: ['products'],
				attributes: { transB: int(1) },
			},
			{ opType: 'Add', inputs: ['products', 'handicap'], outputs: ['candidates'] },
			{
				opType: 'ArgMax',
				inputs: ['candidates'],
				outputs: ['best'],
				attributes: { axis: int(1), keepdims: int(0), select_last_index: int(0) },
			},
			{ opType: 'Cast', inputs: ['best'], outputs: ['indices'], attributes: { to: int(6) } },
			{
				opType: 'ReduceMax',
				inputs: ['candidates'],
				outputs: ['similarities'],
				attributes: { axes: ints([1]), keepdims: int(0) },
			},
		],
		initializers: [{ name: 'rows', tensor: { type: 'int64', data: BigInt64Array.of(0n), dims: [1] } }],
	});
