import { expect, it } from 'vitest';
import { allRuns, pixelsOf, runsOf } from '../../src/masks/refinement/pixel-runs.js';

const grid = { width: 3, height: 2 };
const size = { width: 7, height: 5 };

it('lists the pixels whose centres lie in marked cells, row by row', () => {
	const marked = Uint8Array.of(1, 0, 1, 0, 1, 1);
	const expected: number[] = [];
	for (let y = 0; y < size.height; y++) {
		for (let x = 0; x < size.width; x++) {
			const row = Math.floor(((y + 0.5) * grid.height) / size.height);
			const column = Math.floor(((x + 0.5) * grid.width) / size.width);
			if (marked[row * grid.width + column] === 1) {
				expected.push(y * size.width + x);
			}
		}
	}
	const runs = runsOf(marked, grid, size);
	expect([...pixelsOf(runs)]).toEqual(expected);
	// Two runs in each of the two upper rows, one in each of the lower ones.
	expect(runs.length).toBe(2 * (2 * 2 + 3));
});

it('lists nothing, or everything', () => {
	expect(runsOf(new Uint8Array(6), grid, size)).toHaveLength(0);
	expect(pixelsOf(runsOf(new Uint8Array(6).fill(1), grid, size))).toEqual(pixelsOf(allRuns(size)));
	expect([...pixelsOf(allRuns(size))]).toEqual([...Array(35).keys()]);
});
