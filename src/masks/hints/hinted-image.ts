import type { DescriptorMap } from '../../core/descriptor-map.js';
import type { Raster } from '../../core/frame.js';
import { cellsFromPixels } from '../../core/grid-position.js';
import type { Point } from '../../matching/point.js';
import { refineLabels } from '../refinement/refine-labels.js';
import type { RefinementSettings } from '../refinement/settings.js';
import { CellGraph } from './cell-graph.js';

/** What somebody says of an image: points of the object and of what is not, in pixels, and a box around it. */
export type Hints = {
	readonly object: readonly Point[];
	readonly background: readonly Point[];
	/** Left, top, right, bottom in pixels, all of them within: nothing of the object is outside. */
	readonly box?: readonly [number, number, number, number] | undefined;
};

/** Found on the first frames of DAVIS 2016 train, by `bench/clicks.ts`. */
const STRENGTH = 0.01;
/** Difference of similarities that makes one of them three times as likely. */
const TEMPERATURE = 0.08;
/** What a difference in colour takes from a similarity, and what the distance to a hint does, in image heights. */
const COLOUR = 0.3;
const DISTANCE = 0.4;
/** What lies at the image's border is background, but not as surely as what somebody has said. */
const BORDER_DOUBT = 0.05;
const BORDER_CELLS = 12;
/** A long stroke is no better known by all of its cells. */
const MOST_HINTS = 24;

/** An image on which an object is marked by hints; what does not depend on them is known from the start. */
export class HintedImage {
	readonly #graph: CellGraph;
	/** [cells] how much each looks like what is at the image's border. */
	readonly #likeBorder: Float32Array;

	/** @param map of the image */
	constructor(
		private readonly image: Raster<3>,
		map: DescriptorMap,
		private readonly refinement: RefinementSettings,
	) {
		this.#graph = CellGraph.of(image, map);
		this.#likeBorder = this.#likeness(this.#graph.typical(borderOf(this.#graph.grid), BORDER_CELLS));
	}

	/** [height * width] 1 on the object, its borders on the image's edges. */
	mask(hints: Hints): Uint8Array {
		const { grid } = this.#graph;
		const share = this.cells(hints);
		const data = Float32Array.from({ length: share.length * 2 }, (_, at) => {
			const value = share[at >> 1] as number;
			return at % 2 === 0 ? 1 - value : value;
		});
		return refineLabels({ grid, ids: [0, 1], data }, this.image, this.refinement).ids;
	}

	/** [cells] 0..1: how far each cell belongs to the object. */
	cells({ object, background, box }: Hints): Float32Array {
		const graph = this.#graph;
		const { width, height } = graph.grid;
		const inside = object.map((point) => this.#cellOf(point));
		const outside = background.map((point) => this.#cellOf(point));
		const fixed = new Int8Array(width * height).fill(-1);
		const boxed = box && this.#cellsOf(box);
		if (boxed !== undefined) {
			fixed.fill(0);
			for (let y = boxed.top; y <= boxed.bottom; y++) {
				fixed.fill(-1, y * width + boxed.left, y * width + boxed.right + 1);
			}
		}
		for (const cell of outside) {
			fixed[cell] = 0;
		}
		for (const cell of inside) {
			fixed[cell] = 1;
		}
		const likeOutside =
			boxed === undefined
				? this.#likeBorder
				: this.#likeness(graph.typical(rimOf(boxed, graph.grid), BORDER_CELLS));
		const mine =
			inside.length > 0
				? graph.typical([...new Set(inside)], MOST_HINTS)
				: boxed === undefined
					? []
					: this.#unlike(boxed, likeOutside);
		const theirs = graph.typical([...new Set(outside)], MOST_HINTS);
		const belief = new Float32Array(width * height);
		for (let cell = 0; cell < belief.length; cell++) {
			const near = (other: number): number =>
				this.#looks(cell, other) - DISTANCE * this.#distance(cell, other);
			let ours = Number.NEGATIVE_INFINITY;
			for (const other of mine) {
				ours = Math.max(ours, near(other));
			}
			let others = (likeOutside[cell] as number) - BORDER_DOUBT;
			for (const other of theirs) {
				others = Math.max(others, near(other));
			}
			belief[cell] = 1 / (1 + Math.exp((others - ours) / TEMPERATURE));
		}
		const share = graph.spread(belief, STRENGTH, fixed);
		return inside.length > 0 ? connected(share, inside, width) : share;
	}

	/** How much a cell looks like another. */
	#looks(cell: number, other: number): number {
		return this.#graph.similarity(cell, other) - COLOUR * this.#graph.colourDistance(cell, other);
	}

	/** [cells] how much each looks like that of some cells which it is most like. */
	#likeness(others: readonly number[]): Float32Array {
		const { width, height } = this.#graph.grid;
		const likeness = new Float32Array(width * height).fill(Number.NEGATIVE_INFINITY);
		for (let cell = 0; cell < likeness.length; cell++) {
			for (const other of others) {
				likeness[cell] = Math.max(likeness[cell] as number, this.#looks(cell, other));
			}
		}
		return likeness;
	}

	/** The cells of a box that are least like what lies around it: what the box is about. */
	#unlike(box: CellBox, likeOutside: Float32Array): number[] {
		const graph = this.#graph;
		const cells: number[] = [];
		for (let y = box.top; y <= box.bottom; y++) {
			for (let x = box.left; x <= box.right; x++) {
				cells.push(y * graph.grid.width + x);
			}
		}
		cells.sort((a, b) => (likeOutside[a] as number) - (likeOutside[b] as number));
		return graph.typical(cells.slice(0, Math.ceil(cells.length / 4)), MOST_HINTS);
	}

	#cellOf([x, y]: Point): number {
		const { width, height } = this.#graph.grid;
		const column = Math.round(cellsFromPixels(x, this.image.width, width));
		const row = Math.round(cellsFromPixels(y, this.image.height, height));
		return Math.max(0, Math.min(height - 1, row)) * width + Math.max(0, Math.min(width - 1, column));
	}

	#cellsOf([left, top, right, bottom]: NonNullable<Hints['box']>): CellBox {
		const { width } = this.#graph.grid;
		const [first, last] = [this.#cellOf([left, top]), this.#cellOf([right, bottom])];
		return {
			...{ left: first % width, top: Math.floor(first / width) },
			...{ right: last % width, bottom: Math.floor(last / width) },
		};
	}

	/** In image heights. */
	#distance(a: number, b: number): number {
		const { width, height } = this.#graph.grid;
		return Math.hypot((a % width) - (b % width), Math.floor(a / width) - Math.floor(b / width)) / height;
	}
}

type CellBox = {
	readonly left: number;
	readonly top: number;
	readonly right: number;
	readonly bottom: number;
};

const borderOf = ({ width, height }: { readonly width: number; readonly height: number }): number[] =>
	rimOf({ left: 1, top: 1, right: width - 2, bottom: height - 2 }, { width, height });

/** The cells around a box, as far as they are in the image. */
const rimOf = (
	{ left, top, right, bottom }: CellBox,
	{ width, height }: { readonly width: number; readonly height: number },
): number[] => {
	const cells: number[] = [];
	for (let y = Math.max(0, top - 1); y <= Math.min(height - 1, bottom + 1); y++) {
		for (let x = Math.max(0, left - 1); x <= Math.min(width - 1, right + 1); x++) {
			if (y < top || y > bottom || x < left || x > right) {
				cells.push(y * width + x);
			}
		}
	}
	return cells;
};

/** What hangs together with cells that are known to be the object; the rest is not. */
const connected = (share: Float32Array, from: readonly number[], width: number): Float32Array => {
	const kept = new Uint8Array(share.length);
	const waiting = [...from];
	for (const cell of from) {
		kept[cell] = 1;
	}
	for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
		const x = cell % width;
		for (const next of [x > 0 ? cell - 1 : -1, x + 1 < width ? cell + 1 : -1, cell - width, cell + width]) {
			if (next >= 0 && next < share.length && kept[next] === 0 && (share[next] as number) > 0.5) {
				kept[next] = 1;
				waiting.push(next);
			}
		}
	}
	return share.map((value, cell) => (kept[cell] === 0 && value > 0.5 ? 0.4 : value));
};
