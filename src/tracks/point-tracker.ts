import { cellsFromPixels, pixelsFromCells } from '../core/grid-position.js';
import type { Size } from '../core/size.js';
import { type CellDescriptors, descriptorAt, similarityTo } from '../matching/cell-descriptors.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
import type { Point } from '../matching/point.js';
import { peakPosition, type SubCellSettings, subCellSettings } from '../matching/sub-cell.js';
import {
	alignTemplate,
	type Likeness,
	likenessAt,
	type Template,
	takeTemplate,
	UPRIGHT,
	type Warp,
} from './template.js';
import type { SeenFrame, TrackedPoint, Tracker } from './track-frames.js';

/** Levels on which a place that is known roughly is refined. */
const FINE_LEVELS = 2;
/** Radius of the search around where a point is expected, in cells; a hidden one is looked for farther away with every frame. */
const SEARCH_RADIUS = 6;
const RADIUS_GROWTH = 1;
/** Places that a point is looked for at when it has been hidden. */
const PEAKS = 3;

type State = {
	warp: Warp;
	visible: boolean;
	confidence: number;
	hiddenFor: number;
	/** Of the point where it was given. */
	readonly descriptor: Float32Array;
	readonly bias: { readonly x: number; readonly y: number };
	readonly first: Template;
	/** The latest surroundings that the point is compared with, and the warp where they were taken. */
	recent: { readonly template: Template; readonly warp: Warp };
	/** Usual similarity to the descriptor where the point is in sight. */
	usual: number;
	velocity: Point;
};

type Candidate = {
	readonly warp: Warp;
	readonly likeness: Likeness;
	/** 0..1 */
	readonly match: number;
	readonly similarity: number;
};

/**
 * Follows points from the frame in which they are given through the frames after it, or before it, in order.
 *
 * Between neighbouring frames the patch around a point is aligned coarse to fine, and back again: what does not come back has
 * not been found. The place is then aligned, with turning and stretching, with the patch where the point was given, which
 * does not drift; where that no longer looks alike, with a later one. Descriptors say whether it is the same thing, and find
 * a point again after something was in front.
 */
export class PointTracker implements Tracker {
	readonly #size: Size;
	readonly #states: readonly State[];
	readonly #typicalDifference: number;
	readonly #subCell: SubCellSettings;
	#previous: SeenFrame;

	constructor(points: readonly Point[], size: Size, frame: SeenFrame) {
		this.#size = size;
		this.#previous = frame;
		const { descriptors } = frame;
		this.#typicalDifference = neighbourSimilarity(descriptors).typicalDifference;
		this.#subCell = subCellSettings(this.#typicalDifference);
		this.#states = points.map(([x, y]) => {
			const at = this.#cellOf(descriptors, x, y);
			const descriptor = descriptorAt(descriptors, at.x, at.y);
			const own = this.#peakAround(descriptors, descriptor, Math.round(at.y), Math.round(at.x));
			const template = takeTemplate(frame.pyramid, x, y);
			const warp = { x, y, linear: UPRIGHT };
			return {
				...{ warp, descriptor, visible: true, confidence: 1, hiddenFor: 0, velocity: [0, 0] as const },
				bias: { x: own.x - at.x, y: own.y - at.y },
				first: template,
				recent: { template, warp },
				usual: 1,
			};
		});
	}

	get points(): TrackedPoint[] {
		return this.#states.map(({ warp: { x, y }, visible, confidence }) => ({ x, y, visible, confidence }));
	}

	/** Moves on to the next frame. */
	advance(frame: SeenFrame): void {
		for (const state of this.#states) {
			if (state.visible) {
				this.#follow(state, frame);
			} else {
				this.#findAgain(state, frame);
			}
		}
		this.#previous = frame;
	}

	#follow(state: State, frame: SeenFrame): void {
		const { warp } = state;
		const moved = this.#moved(warp, frame);
		const chained = moved && this.#refined(state, frame, { ...warp, x: moved.x, y: moved.y }, FINE_LEVELS);
		let best = chained;
		if (best === undefined || best.match < 0.7) {
			const expected: Point = [warp.x + state.velocity[0], warp.y + state.velocity[1]];
			for (const place of this.#peaks(state, frame, expected, SEARCH_RADIUS, 1)) {
				const found = this.#refined(state, frame, { ...warp, ...place }, 3);
				if (found !== undefined && found.match > (best?.match ?? 0) + 0.1) {
					best = found;
				}
			}
		}
		const seen = best === undefined ? 0 : this.#sight(state, best);
		trace?.(state, best, moved, seen);
		if (best === undefined || seen < 0.5) {
			this.#lose(state, seen);
			return;
		}
		this.#accept(state, best, seen, frame);
	}

	#findAgain(state: State, frame: SeenFrame): void {
		const expected: Point = [state.warp.x + state.velocity[0], state.warp.y + state.velocity[1]];
		const radius = SEARCH_RADIUS + RADIUS_GROWTH * state.hiddenFor;
		const places = [
			{ x: expected[0], y: expected[1] },
			...this.#peaks(state, frame, expected, radius, PEAKS),
		];
		let best: Candidate | undefined;
		for (const place of places) {
			const found = this.#refined(state, frame, { ...state.warp, ...place }, 3);
			if (found !== undefined && found.match > (best?.match ?? 0)) {
				best = found;
			}
		}
		const seen = best === undefined ? 0 : this.#sight(state, best);
		if (best !== undefined && seen > 0.6 && best.match > 0.75 && best.likeness.correlation > 0.75) {
			this.#accept(state, best, seen, frame);
		} else {
			this.#lose(state, seen);
		}
	}

	#accept(state: State, { warp, match, similarity }: Candidate, seen: number, frame: SeenFrame): void {
		if (state.visible) {
			const share = 0.4;
			state.velocity = [
				state.velocity[0] + share * (warp.x - state.warp.x - state.velocity[0]),
				state.velocity[1] + share * (warp.y - state.warp.y - state.velocity[1]),
			];
		}
		state.warp = warp;
		state.visible = true;
		state.hiddenFor = 0;
		state.confidence = seen;
		state.usual += 0.15 * (similarity - state.usual);
		// The next comparison needs surroundings that look alike; the drift of a new template is the error of one alignment.
		if (match < 0.85) {
			state.recent = { template: takeTemplate(frame.pyramid, warp.x, warp.y), warp };
		}
	}

	#lose(state: State, seen: number): void {
		const { warp, velocity } = state;
		state.warp = { ...warp, x: warp.x + velocity[0], y: warp.y + velocity[1] };
		state.velocity = [velocity[0] * 0.9, velocity[1] * 0.9];
		state.visible = false;
		state.confidence = seen;
		state.hiddenFor++;
	}

	/** The place in the next frame of what is at a place in the previous one, and how far from it the way back leads. */
	#moved(
		{ x, y }: Warp,
		frame: SeenFrame,
	): { readonly x: number; readonly y: number; readonly missed: number } | undefined {
		const before = takeTemplate(this.#previous.pyramid, x, y);
		const settings = { levels: this.#previous.pyramid.length, bends: false };
		const to = alignTemplate(before, frame.pyramid, { x, y, linear: UPRIGHT }, settings);
		if (to === undefined) {
			return undefined;
		}
		const after = takeTemplate(frame.pyramid, to.x, to.y);
		const back = alignTemplate(after, this.#previous.pyramid, { ...to, x: to.x, y: to.y }, settings);
		const missed = back === undefined ? Number.POSITIVE_INFINITY : Math.hypot(back.x - x, back.y - y);
		return { x: to.x, y: to.y, missed };
	}

	/** A rough place aligned with the templates, and what it looks like there. */
	#refined(state: State, frame: SeenFrame, start: Warp, levels: number): Candidate | undefined {
		const anchored = this.#compared(state, frame, state.first, start, levels);
		if (state.recent.template === state.first || (anchored !== undefined && anchored.match > 0.9)) {
			return anchored;
		}
		const { template, warp } = state.recent;
		const relative = { ...start, linear: times(start.linear, inverse(warp.linear)) };
		const found = this.#compared(state, frame, template, relative, levels);
		const recent = found && {
			...found,
			warp: { ...found.warp, linear: times(found.warp.linear, warp.linear) },
		};
		return recent !== undefined && recent.match > (anchored?.match ?? 0) + 0.05 ? recent : anchored;
	}

	#compared(
		state: State,
		frame: SeenFrame,
		template: Template,
		start: Warp,
		levels: number,
	): Candidate | undefined {
		const aligned = alignTemplate(template, frame.pyramid, start, { levels, bends: true });
		if (aligned === undefined || !isPlausible(aligned, this.#size)) {
			return undefined;
		}
		const likeness = likenessAt(template, frame.pyramid, aligned);
		if (likeness === undefined) {
			return undefined;
		}
		const at = this.#cellOf(frame.descriptors, aligned.x, aligned.y);
		const here = descriptorAt(frame.descriptors, at.x, at.y);
		return { warp: aligned, likeness, match: matchOf(likeness), similarity: dot(here, state.descriptor) };
	}

	/** 0..1: whether a point is in sight where it has been put. */
	#sight(state: State, { match, similarity }: Candidate): number {
		const fall = Math.max(0, state.usual - similarity) / (3 * this.#typicalDifference);
		const recognised = Math.min(1, Math.max(0, 1.5 - 1 * fall));
		return Math.min(1, Math.max(0, match)) * recognised;
	}

	/** Where descriptors put a point: the best places around one, apart from each other. */
	#peaks(
		state: State,
		{ descriptors }: SeenFrame,
		[x, y]: Point,
		radius: number,
		count: number,
	): { readonly x: number; readonly y: number }[] {
		const { grid } = descriptors;
		const at = this.#cellOf(descriptors, x, y);
		const [top, bottom] = rangeAround(at.y, radius, grid.height);
		const [left, right] = rangeAround(at.x, radius, grid.width);
		const found: { row: number; column: number; value: number }[] = [];
		for (let row = top; row <= bottom; row++) {
			for (let column = left; column <= right; column++) {
				const value = similarityTo(descriptors, row * grid.width + column, state.descriptor);
				found.push({ row, column, value });
			}
		}
		found.sort((a, b) => b.value - a.value);
		const chosen: typeof found = [];
		for (const place of found) {
			if (chosen.length === count) {
				break;
			}
			if (
				chosen.every(
					(other) => Math.max(Math.abs(other.row - place.row), Math.abs(other.column - place.column)) > 2,
				)
			) {
				chosen.push(place);
			}
		}
		return chosen.map(({ row, column }) => {
			const peak = this.#peakAround(descriptors, state.descriptor, row, column);
			return {
				x: pixelsFromCells(peak.x - state.bias.x, this.#size.width, grid.width),
				y: pixelsFromCells(peak.y - state.bias.y, this.#size.height, grid.height),
			};
		});
	}

	#peakAround(cells: CellDescriptors, descriptor: Float32Array, row: number, column: number) {
		const { grid } = cells;
		const best = {
			row: Math.min(Math.max(row, 0), grid.height - 1),
			column: Math.min(Math.max(column, 0), grid.width - 1),
		};
		return peakPosition(grid, best, this.#subCell, (r, c) =>
			similarityTo(cells, r * grid.width + c, descriptor),
		);
	}

	#cellOf({ grid }: CellDescriptors, x: number, y: number): { readonly x: number; readonly y: number } {
		return {
			x: cellsFromPixels(x, this.#size.width, grid.width),
			y: cellsFromPixels(y, this.#size.height, grid.height),
		};
	}
}

export let trace:
	| ((state: State, best: Candidate | undefined, moved: { missed: number } | undefined, seen: number) => void)
	| undefined;
export const setTrace = (t: typeof trace) => {
	trace = t;
};

/** Differences of 4 levels are noise; unrelated things differ by the square root of two of their contrast. */
const matchOf = ({ difference, contrast }: Likeness): number =>
	Math.max(0, 1 - Math.max(0, difference * difference - 8) / (2 * contrast * contrast + 32));

const isPlausible = ({ x, y, linear: [a, b, c, d] }: Warp, { width, height }: Size): boolean => {
	const area = a * d - b * c;
	return x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5 && area > 1 / 9 && area < 9;
};

type Linear = Warp['linear'];

const times = ([a, b, c, d]: Linear, [e, f, g, h]: Linear): Linear => [
	a * e + b * g,
	a * f + b * h,
	c * e + d * g,
	c * f + d * h,
];

const inverse = ([a, b, c, d]: Linear): Linear => {
	const area = a * d - b * c;
	return [d / area, -b / area, -c / area, a / area];
};

const dot = (a: Float32Array, b: Float32Array): number =>
	a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

const rangeAround = (middle: number, radius: number, cells: number): readonly [number, number] => [
	Math.max(0, Math.round(middle - radius)),
	Math.min(cells - 1, Math.round(middle + radius)),
];
