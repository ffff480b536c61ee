import { describe, expect, it } from 'vitest';
import {
	applyMotion,
	fitRobustly,
	identityMotion,
	type Matches,
	thenAffine,
} from '../../src/motion/motion-model.js';

const truth = Float64Array.of(0.95, 0.12, 0.05, -0.1, 1.04, -0.03, 0, 0, 1);

/** A grid of points in -1..1 and where they go, every third one wrong. */
const matchesOf = (motion: Float64Array, wrong: boolean): Matches => {
	const points = Array.from(
		{ length: 49 },
		(_, i) => [((i % 7) - 3) / 3, (Math.floor(i / 7) - 3) / 3] as const,
	);
	const moved = points.map(([x, y], i) =>
		wrong && i % 3 === 0 ? { x: Math.sin(i * 5), y: Math.cos(i * 3) } : applyMotion(motion, x, y),
	);
	return {
		fromX: Float64Array.from(points, ([x]) => x),
		fromY: Float64Array.from(points, ([, y]) => y),
		toX: Float64Array.from(moved, ({ x }) => x),
		toY: Float64Array.from(moved, ({ y }) => y),
		weight: new Float64Array(points.length).fill(1),
	};
};

const worst = (found: Float64Array): number => {
	const { fromX, fromY, toX, toY } = matchesOf(truth, false);
	return Math.max(
		...[...fromX.keys()].map((i) => {
			const to = applyMotion(found, fromX[i]!, fromY[i]!);
			return Math.hypot(to.x - toX[i]!, to.y - toY[i]!);
		}),
	);
};

describe('the motion of a whole', () => {
	it('is found though a third of the matches is wrong', () => {
		expect(worst(fitRobustly(matchesOf(truth, true), 0.05, identityMotion()))).toBeLessThan(0.01);
	});

	it('goes on from a motion with perspective', () => {
		const tilted = Float64Array.of(1.1, 0, 0.2, 0.1, 0.9, 0, 0.08, -0.05, 1);
		const before = applyMotion(tilted, 0.4, -0.7);
		const after = applyMotion(thenAffine(tilted, truth), 0.4, -0.7);
		const expected = applyMotion(truth, before.x, before.y);
		expect(after.x).toBeCloseTo(expected.x, 12);
		expect(after.y).toBeCloseTo(expected.y, 12);
	});

	it('stays as it was when nothing is known', () => {
		const matches = matchesOf(truth, false);
		const nothing = { ...matches, weight: new Float64Array(49) };
		expect(fitRobustly(nothing, 0.05, truth)).toEqual(truth);
	});
});
