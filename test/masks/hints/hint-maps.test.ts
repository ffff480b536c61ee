import { expect, it } from 'vitest';
import { hintMaps } from '../../../src/masks/hints/hint-maps.js';
import type { Hints } from '../../../src/masks/hints/hints.js';

const image = { width: 64, height: 32 };
const grid = { width: 32, height: 16 };

/** The four maps as rows of text: # where a map says yes, + where it says half. */
const drawn = (hints: Partial<Hints>): string[][] => {
	const { data, dims } = hintMaps({ object: [], background: [], ...hints }, image, grid);
	expect(dims).toEqual([1, 4, 16, 32]);
	return Array.from({ length: 4 }, (_, map) =>
		Array.from({ length: 16 }, (_, y) =>
			Array.from(data.subarray((map * 16 + y) * 32, (map * 16 + y + 1) * 32), (value) =>
				value === 1 ? '#' : value === 0 ? '.' : '+',
			).join(''),
		),
	);
};
const cells = (rows: readonly string[] = []): number => rows.join('').replaceAll('.', '').length;

it('draws a click as a disc in its own map, and what is beyond the picture is left out', () => {
	const [object, background] = drawn({ object: [[[20, 16]]], background: [[[0, 0]]] });
	expect(object?.slice(4, 13).map((row) => row.slice(6, 15))).toEqual([
		'.........',
		'...###...',
		'..#####..',
		'.#######.',
		'.#######.',
		'.#######.',
		'..#####..',
		'...###...',
		'.........',
	]);
	expect(background?.slice(0, 5).map((row) => row.slice(0, 5))).toEqual([
		'####.',
		'####.',
		'###..',
		'##...',
		'.....',
	]);
});

it('draws a stroke as a line without gaps, whatever lies between its points', () => {
	const [object] = drawn({
		object: [
			[
				[8, 16],
				[56, 16],
			],
		],
	});
	expect(object?.[8]).toBe(`.${'#'.repeat(31)}`);
});

it('says what is outside of a box, and nothing where there is none', () => {
	expect(cells(drawn({})[2])).toBe(0);
	const [, , outside] = drawn({ box: [16, 8, 47, 23] });
	expect(outside?.[3]).toBe('#'.repeat(32));
	expect(outside?.[4]).toBe('########................########');
	expect(cells(outside)).toBe(32 * 16 - 16 * 8);
});
