import type { Point, TrackedPoint } from '../core/point.js';
import { cellsFromPixels, pixelsFromCells, type Size } from '../core/size.js';
import { type CellDescriptors, descriptorAt, similarityTo } from '../matching/cell-descriptors.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
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
import type { SeenFrame, Tracker } from './track-frames.js';

/** Levels on which a place that is known roughly is refined. */
const FINE_LEVELS = 2;
const WIDE_LEVELS = 3;
/** Radius of the search around where a point is expected, in cells; a hidden one is looked for farther away with every frame. */
const SEARCH_RADIUS = 6;
const RADIUS_GROWTH = 1;
/** Places that a point is looked for at when it has been hidden. */
const PEAKS = 3;

/** What is followed there and back and does not come nearer than this to where it was, in pixels, has not been found. */
const MOST_MISSED = 1.5;
/** From frame to frame, the linear part of a warp changes by no more. */
const MOST_BENT = 0.25;

/** Log-odds: a point that was in sight mostly stays so; one that was hidden has to be recognised clearly. */
const STAYS = 2.5;
const COMES_BACK = -1;
/** How fast the velocity follows what is seen, and what is left of it after a frame in which nothing is. */
const VELOCITY_SHARE = 0.4;
const HIDDEN_DECAY = 0.95;
/** How fast the similarity that is usual for a point follows what is seen. */
const ADAPTATION = 0.15;
/** Surroundings that correlate less are replaced by the latest. */
const RENEWED_BELOW = 0.8;
/** A hidden point moves as those around it do, up to this share of the frame's width, that moved as it did, to so many pixels. */
const COMPANY_SHARE = 0.15;
const COMPANY_VELOCITY = 2;

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

/** Where a point may be. */
type Placement = {
	readonly warp: Warp;
	readonly likeness: Likeness;
	/** To the descriptor of the point where it was given. */
	readonly similarity: number;
	/** Log-odds that it is the point, and in sight, before what is expected. */
	readonly evidence: number;
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

	/** Moves on to the next frame: what is surely found first, the others with what these tell of the motion. */
	advance(frame: SeenFrame): void {
		const moved: Moved[] = [];
		const unsure: (readonly [state: State, found: Placement | undefined])[] = [];
		for (const state of this.#states) {
			const { warp } = state;
			const found = state.visible ? this.#followed(state, frame) : undefined;
			if (found !== undefined && found.evidence > 0) {
				this.#accept(state, found, found.evidence + STAYS, frame);
				moved.push({ x: warp.x, y: warp.y, dx: state.warp.x - warp.x, dy: state.warp.y - warp.y });
			} else {
				unsure.push([state, found]);
			}
		}
		for (const [state, found] of unsure) {
			const expected = state.visible ? STAYS : COMES_BACK;
			const velocity = velocityAmong(state, moved, this.#size);
			const best = this.#lookedFor(state, frame, velocity, found);
			const evidence = (best?.evidence ?? Number.NEGATIVE_INFINITY) + expected;
			if (best !== undefined && evidence > 0) {
				this.#accept(state, best, evidence, frame);
			} else {
				this.#lose(state, evidence, velocity);
			}
		}
		this.#previous = frame;
	}

	/** Where a point in sight has gone since the frame before. */
	#followed(state: State, frame: SeenFrame): Placement | undefined {
		const moved = this.#moved(state.warp, frame);
		return moved && this.#refined(state, frame, { ...state.warp, ...moved }, FINE_LEVELS);
	}

	/** The likeliest of where a point is expected, where descriptors put it, and where it has been found. */
	#lookedFor(
		state: State,
		frame: SeenFrame,
		velocity: Point,
		found: Placement | undefined,
	): Placement | undefined {
		const { warp, hiddenFor, visible } = state;
		const expected: Point = [warp.x + velocity[0], warp.y + velocity[1]];
		const radius = SEARCH_RADIUS + RADIUS_GROWTH * hiddenFor;
		let best = found;
		for (const [x, y] of [expected, ...this.#peaks(state, frame, expected, radius, visible ? 1 : PEAKS)]) {
			const other = this.#refined(state, frame, { ...warp, x, y }, WIDE_LEVELS);
			if (other !== undefined && other.evidence > (best?.evidence ?? Number.NEGATIVE_INFINITY)) {
				best = other;
			}
		}
		return best;
	}

	#accept(state: State, { warp, likeness, similarity }: Placement, evidence: number, frame: SeenFrame): void {
		if (state.visible) {
			state.velocity = [
				state.velocity[0] + VELOCITY_SHARE * (warp.x - state.warp.x - state.velocity[0]),
				state.velocity[1] + VELOCITY_SHARE * (warp.y - state.warp.y - state.velocity[1]),
			];
		}
		state.warp = warp;
		state.visible = true;
		state.hiddenFor = 0;
		state.confidence = probability(evidence);
		state.usual += ADAPTATION * (similarity - state.usual);
		// The next comparison needs surroundings that look alike; the drift of a new template is the error of one alignment.
		if (likeness.correlation < RENEWED_BELOW) {
			state.recent = { template: takeTemplate(frame.pyramid, warp.x, warp.y), warp };
		}
	}

	#lose(state: State, evidence: number, velocity: Point): void {
		const { warp } = state;
		state.warp = { ...warp, x: warp.x + velocity[0], y: warp.y + velocity[1] };
		state.velocity = [HIDDEN_DECAY * velocity[0], HIDDEN_DECAY * velocity[1]];
		state.visible = false;
		state.confidence = probability(evidence);
		state.hiddenFor++;
	}

	/** The place in the next frame of what is at a place in the previous one; undefined if the way back does not lead there. */
	#moved({ x, y }: Warp, frame: SeenFrame): { readonly x: number; readonly y: number } | undefined {
		const settings = { levels: this.#previous.pyramid.length, bends: false };
		const before = takeTemplate(this.#previous.pyramid, x, y);
		const to = alignTemplate(before, frame.pyramid, { x, y, linear: UPRIGHT }, settings);
		if (to === undefined) {
			return undefined;
		}
		const after = takeTemplate(frame.pyramid, to.x, to.y);
		const back = alignTemplate(after, this.#previous.pyramid, to, settings);
		const isBack = back !== undefined && Math.hypot(back.x - x, back.y - y) <= MOST_MISSED;
		return isBack ? { x: to.x, y: to.y } : undefined;
	}

	/** A rough place aligned with the templates, and what it looks like there. */
	#refined(state: State, frame: SeenFrame, start: Warp, levels: number): Placement | undefined {
		const anchored = this.#compared(state, frame, state.first, start, levels);
		if (
			state.recent.template === state.first ||
			(anchored !== undefined && anchored.likeness.correlation > RENEWED_BELOW)
		) {
			return anchored;
		}
		const { template, warp } = state.recent;
		const relative = { ...start, linear: times(start.linear, inverse(warp.linear)) };
		const found = this.#compared(state, frame, template, relative, levels);
		const recent = found && {
			...found,
			warp: { ...found.warp, linear: times(found.warp.linear, warp.linear) },
		};
		return recent !== undefined && recent.likeness.correlation > (anchored?.likeness.correlation ?? 0) + 0.05
			? recent
			: anchored;
	}

	#compared(
		state: State,
		frame: SeenFrame,
		template: Template,
		start: Warp,
		levels: number,
	): Placement | undefined {
		const bent = alignTemplate(template, frame.pyramid, start, { levels, bends: true });
		const aligned =
			bent === undefined || isBentLike(bent, start)
				? bent
				: alignTemplate(template, frame.pyramid, start, { levels, bends: false });
		if (aligned === undefined || !isInside(aligned, this.#size)) {
			return undefined;
		}
		const likeness = likenessAt(template, frame.pyramid, aligned);
		if (likeness === undefined) {
			return undefined;
		}
		const at = this.#cellOf(frame.descriptors, aligned.x, aligned.y);
		const similarity = dot(descriptorAt(frame.descriptors, at.x, at.y), state.descriptor);
		const evidence = evidenceOf(likeness, (state.usual - similarity) / this.#typicalDifference);
		return { warp: aligned, likeness, similarity, evidence };
	}

	/** Where descriptors put a point: the best places around one, apart from each other. */
	#peaks(state: State, { descriptors }: SeenFrame, [x, y]: Point, radius: number, count: number): Point[] {
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
			return [
				pixelsFromCells(peak.x - state.bias.x, this.#size.width, grid.width),
				pixelsFromCells(peak.y - state.bias.y, this.#size.height, grid.height),
			];
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

/** How a point in sight has moved since the frame before. */
type Moved = { readonly x: number; readonly y: number; readonly dx: number; readonly dy: number };

/** How a hidden point moves: with those in sight that are near and moved as it did, or on as it was going. */
const velocityAmong = ({ warp, velocity }: State, moved: readonly Moved[], { width }: Size): Point => {
	// Its own motion counts for one of them.
	let [total, x, y] = [0.2, 0.2 * velocity[0], 0.2 * velocity[1]];
	for (const other of moved) {
		const near = ((other.x - warp.x) ** 2 + (other.y - warp.y) ** 2) / (COMPANY_SHARE * width) ** 2;
		const alike =
			((other.dx - velocity[0]) ** 2 + (other.dy - velocity[1]) ** 2) / (COMPANY_VELOCITY * COMPANY_VELOCITY);
		const weight = Math.exp(-(near + alike) / 2);
		total += weight;
		x += weight * other.dx;
		y += weight * other.dy;
	}
	return [x / total, y / total];
};

const probability = (evidence: number): number => 1 / (1 + Math.exp(-evidence));

/**
 * Log-odds that a place is a point's, in sight; the weights are those of a logistic regression on the scenes of `bench/tracks`.
 *
 * @param fall of the similarity of descriptors, from what is usual, in typical differences of neighbouring cells
 */
const evidenceOf = (
	{ correlation, wideCorrelation, difference, contrast }: Likeness,
	fall: number,
): number => {
	// Differences of 2 levels are noise; unrelated things differ by the square root of two of their contrast.
	const unlike = Math.max(0, difference * difference - 4) / (2 * contrast * contrast + 16);
	return (
		6.1 * correlation +
		5.4 * wideCorrelation -
		0.38 * Math.min(6, Math.max(-1, fall)) -
		Math.min(8, 37 * unlike) -
		7.3
	);
};

const isInside = ({ x, y }: Warp, { width, height }: Size): boolean =>
	x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5;

/** What is around it is turned and stretched nearly as before. */
const isBentLike = ({ linear }: Warp, before: Warp): boolean => {
	const change = times(linear, inverse(before.linear));
	return UPRIGHT.every((value, i) => Math.abs(change[i]! - value) < MOST_BENT);
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

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const rangeAround = (middle: number, radius: number, cells: number): readonly [number, number] => [
	Math.max(0, Math.round(middle - radius)),
	Math.min(cells - 1, Math.round(middle + radius)),
];
