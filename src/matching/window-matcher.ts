import type { GridSize } from '../core/size.js';
import { buildGraph } from '../onnx/build-graph.js';
import { int } from '../onnx/graph-spec.js';
import type { Feeds, Runtime, Session } from '../runtime/session.js';
import type { Tensor } from '../runtime/tensor.js';
import type { NormalisedDescriptors } from './descriptor-bank.js';
import { planTiles, type TilePlan } from './tiles.js';

/** The best keys of every query cell, best first. */
export type TopMatches = {
	/** Matches per query. */
	readonly k: number;
	/** [queries, k] cell numbers in the key grid. */
	readonly indices: Int32Array;
	/** [queries, k] cosine similarities. */
	readonly similarities: Float32Array;
};

/** Similarities held at once, in elements (64 MB): bounds memory when every key is a candidate. */
const MAX_SIMILARITIES = 16_000_000;

type Batch = { readonly first: number; readonly tiles: number; readonly feeds: Feeds };

/**
 * Windowed nearest-neighbour search between two descriptor grids of one size: each tile of queries against
 * its window of keys as one batched matrix product and top-k, on the model's device. The full similarity
 * matrix never exists.
 */
export class WindowMatcher {
	readonly #plan: TilePlan;
	readonly #grid: GridSize;
	readonly #k: number;
	readonly #session: Session;
	readonly #batches: readonly Batch[];

	private constructor(grid: GridSize, plan: TilePlan, k: number, session: Session) {
		this.#grid = grid;
		this.#plan = plan;
		this.#k = k;
		this.#session = session;
		this.#batches = planBatches(plan, k);
	}

	/**
	 * @param grid size of both grids, in cells
	 * @param radius window radius in cells, `Infinity` for none
	 * @param k matches per query (fewer when the window is smaller)
	 */
	static async open(runtime: Runtime, grid: GridSize, radius: number, k: number): Promise<WindowMatcher> {
		const plan = planTiles(grid, radius);
		return new WindowMatcher(grid, plan, Math.min(k, plan.keysPerTile), await runtime.load(matchGraph()));
	}

	/** Matches every cell of `query` to cells of `key`. */
	async match(query: NormalisedDescriptors, key: NormalisedDescriptors): Promise<TopMatches> {
		const cells = this.#grid.height * this.#grid.width;
		const indices = new Int32Array(cells * this.#k);
		const similarities = new Float32Array(cells * this.#k);
		for (const batch of this.#batches) {
			const result = await this.#session.run({ query: query.rows, key: key.rows, ...batch.feeds });
			this.#scatter(batch, result, indices, similarities);
		}
		return { k: this.#k, indices, similarities };
	}

	async close(): Promise<void> {
		await this.#session.release();
	}

	/** From tile order to cell order, and from positions in the window to cell numbers. */
	#scatter(
		batch: Batch,
		result: Record<string, Tensor>,
		indices: Int32Array,
		similarities: Float32Array,
	): void {
		const values = result.values?.data as Float32Array;
		const positions = result.positions?.data as Int32Array;
		const { queriesPerTile, keysPerTile, queries, keys } = this.#plan;
		const k = this.#k;
		for (let row = 0; row < batch.tiles * queriesPerTile; row++) {
			const tile = batch.first + Math.floor(row / queriesPerTile);
			const cell = queries[batch.first * queriesPerTile + row]!;
			for (let rank = 0; rank < k; rank++) {
				const position = positions[row * k + rank]!;
				indices[cell * k + rank] = keys[tile * keysPerTile + position]!;
				similarities[cell * k + rank] = values[row * k + rank]!;
			}
		}
	}
}

const planBatches = (plan: TilePlan, k: number): Batch[] => {
	const tilesAtOnce = Math.max(1, Math.floor(MAX_SIMILARITIES / (plan.queriesPerTile * plan.keysPerTile)));
	const batches: Batch[] = [];
	for (let first = 0; first < plan.tiles; first += tilesAtOnce) {
		const tiles = Math.min(tilesAtOnce, plan.tiles - first);
		const slice = (cells: Int32Array, perTile: number): Tensor => ({
			type: 'int32',
			data: cells.slice(first * perTile, (first + tiles) * perTile),
			dims: [tiles, perTile],
		});
		batches.push({
			first,
			tiles,
			feeds: {
				query_cells: slice(plan.queries, plan.queriesPerTile),
				key_cells: slice(plan.keys, plan.keysPerTile),
				k: { type: 'int64', data: BigInt64Array.of(BigInt(k)), dims: [1] },
			},
		});
	}
	return batches;
};

/** T tiles of Q queries against K keys each: similarities [T, Q, K], then the k largest along K. */
const matchGraph = (): Uint8Array =>
	buildGraph({
		name: 'windowed_top_k',
		opset: 17,
		inputs: [
			{ name: 'query', type: 'float32', shape: ['cells', 'channels'] },
			{ name: 'key', type: 'float32', shape: ['cells', 'channels'] },
			{ name: 'query_cells', type: 'int32', shape: ['tiles', 'queries'] },
			{ name: 'key_cells', type: 'int32', shape: ['tiles', 'keys'] },
			{ name: 'k', type: 'int64', shape: [1] },
		],
		outputs: [
			{ name: 'values', type: 'float32', shape: ['tiles', 'queries', 'k'] },
			{ name: 'positions', type: 'int32', shape: ['tiles', 'queries', 'k'] },
		],
		nodes: [
			{ opType: 'Gather', inputs: ['query', 'query_cells'], outputs: ['tile_queries'] },
			{ opType: 'Gather', inputs: ['key', 'key_cells'], outputs: ['tile_keys'] },
			// The runtime's own operator: the product with a transposed operand, without transposing it first.
			{
				opType: 'FusedMatMul',
				domain: 'com.microsoft',
				inputs: ['tile_queries', 'tile_keys'],
				outputs: ['similarities'],
				attributes: { transB: int(1) },
			},
			{
				opType: 'TopK',
				inputs: ['similarities', 'k'],
				outputs: ['values', 'top'],
				attributes: { axis: int(-1) },
			},
			{ opType: 'Cast', inputs: ['top'], outputs: ['positions'], attributes: { to: int(6) } },
		],
		initializers: [],
	});
