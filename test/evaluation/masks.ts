import type { BinaryMask, Labels } from '../../src/evaluation/mask-measures.js';

/** Labels drawn as text: `.` is background, a digit is an object's id, `v` is void. */
export const draw = (...rows: string[]): Labels => ({
	width: rows[0]?.length ?? 0,
	height: rows.length,
	ids: Uint8Array.from(rows.join(''), (char) => (char === '.' ? 0 : char === 'v' ? 255 : Number(char))),
});

/** A mask drawn as text: `#` is inside. */
export const drawMask = (...rows: string[]): BinaryMask => ({
	width: rows[0]?.length ?? 0,
	height: rows.length,
	data: Uint8Array.from(rows.join(''), (char) => (char === '#' ? 1 : 0)),
});

/** A filled rectangle; `right` and `bottom` are exclusive. */
export const rectangle = (
	[width, height]: readonly [number, number],
	[left, top, right, bottom]: readonly [number, number, number, number],
): BinaryMask => {
	const data = new Uint8Array(width * height);
	for (let y = top; y < bottom; y++) {
		data.fill(1, y * width + left, y * width + right);
	}
	return { width, height, data };
};
