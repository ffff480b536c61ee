import { expect, test } from 'vitest';
import { drawMesh } from '../../src/edits/carried-field.js';
import { LooseFrames, standingOf } from '../../src/edits/loose-pieces.js';
import { meshOf } from '../../src/motion/mesh.js';

const frame = { width: 64, height: 48 };
const square = Uint8Array.from({ length: 64 * 48 }, (_, pixel) => {
	const [x, y] = [pixel % 64, Math.floor(pixel / 64)];
	return x >= 20 && x < 44 && y >= 12 && y < 36 ? 1 : 0;
});
const mesh = meshOf({ support: square, evidence: square }, frame.width, frame.height);
const field = drawMesh(mesh, mesh, frame, new Float64Array(0), 0);
const standing = (correlation: (x: number) => number, visible: (x: number) => number) =>
	standingOf(
		mesh,
		mesh,
		field,
		Float32Array.from(field.x, (_, at) => visible(field.left + (at % field.width))),
		mesh.x.map(correlation),
	);

test('a piece is loose where what it is drawn on does not look like what it was painted on', () => {
	const alike = (): number => 0.9;
	const unlike = (): number => 0.1;
	const seen = (): number => 1;
	expect(standing(alike, seen).loose).toBe(0);
	const lost = standing(unlike, seen);
	expect(lost.loose).toBe(lost.shown);
	expect(lost.shown).toBeGreaterThan(0);
	// A third of it may have changed, and what is hidden is nowhere.
	expect(standing((x) => (x > 36 ? 0.1 : 0.9), seen).loose).toBe(0);
	expect(standing(unlike, () => 0).loose).toBe(0);
	expect(
		standing(
			(x) => (x > 36 ? 0.1 : 0.9),
			(x) => (x > 36 ? 1 : 0),
		).loose,
	).toBeGreaterThan(0);
});

const noteOf = (loose: readonly number[]): string | undefined => {
	const frames = new LooseFrames();
	for (const [frame, share] of loose.entries()) {
		frames.add(frame, share);
	}
	return frames.note;
};

test('pieces in the air are told of from three frames on: how many frames, which is the first, and how much', () => {
	expect(noteOf([0, 0, 0, 0.12, 0.2, 0, 0.04])).toMatch(
		/^In 3 frames, the first of them 3, .*up to 20 %.*--edit 3=/,
	);
	expect(noteOf([0, 0.5, 0.5, 0])).toBeUndefined();
	expect(noteOf([])).toBeUndefined();
});
