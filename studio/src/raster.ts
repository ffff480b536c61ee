/** Painting on a map of object ids: pure functions, which change the map and say where. */

/** [height * width] object ids, 0 the background. */
export type IdMap = {
	readonly width: number;
	readonly height: number;
	readonly ids: Uint8Array<ArrayBuffer>;
};
/** In pixels of the clip; a pixel's centre has whole numbers and a half. */
export type Point = readonly [x: number, y: number];
/** Pixels from the first corner up to, but not including, the second. */
export type Box = { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number };

export const union = (a: Box | undefined, b: Box | undefined): Box | undefined =>
	a === undefined || b === undefined
		? (a ?? b)
		: {
				...{ x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0) },
				...{ x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) },
			};

/** Where an object is; undefined where it is not. */
export const boxOf = ({ width, height, ids }: IdMap, id: number): Box | undefined => {
	let box: Box | undefined;
	for (let y = 0; y < height; y++) {
		const row = ids.subarray(y * width, (y + 1) * width);
		const first = row.indexOf(id);
		if (first >= 0) {
			box = union(box, { x0: first, y0: y, x1: row.lastIndexOf(id) + 1, y1: y + 1 });
		}
	}
	return box;
};

/** The part of a box that lies in the map. */
export const clipped = ({ width, height }: Pick<IdMap, 'width' | 'height'>, box: Box): Box => ({
	...{ x0: Math.max(0, Math.floor(box.x0)), y0: Math.max(0, Math.floor(box.y0)) },
	...{ x1: Math.min(width, Math.ceil(box.x1)), y1: Math.min(height, Math.ceil(box.y1)) },
});

/** Which pixels a tool may change: not those of objects that are locked. */
export type MayChange = (id: number) => boolean;

/**
 * A stroke of a round brush from one point to another.
 *
 * @param diameter in pixels; 1 paints the pixel under the point
 */
export const paintStroke = (
	map: IdMap,
	[ax, ay]: Point,
	[bx, by]: Point,
	diameter: number,
	id: number,
	mayChange: MayChange,
): Box => {
	const radius = diameter / 2;
	const box = clipped(map, {
		...{ x0: Math.min(ax, bx) - radius - 1, y0: Math.min(ay, by) - radius - 1 },
		...{ x1: Math.max(ax, bx) + radius + 1, y1: Math.max(ay, by) + radius + 1 },
	});
	const [dx, dy] = [bx - ax, by - ay];
	const squared = dx * dx + dy * dy;
	// A brush of one pixel must reach a centre wherever it is in it.
	const reach = Math.max(radius, 0.71) ** 2;
	for (let y = box.y0; y < box.y1; y++) {
		for (let x = box.x0; x < box.x1; x++) {
			const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
			const along = squared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
			const distance = (px - along * dx) ** 2 + (py - along * dy) ** 2;
			const at = y * map.width + x;
			if (distance <= reach && mayChange(map.ids[at]!)) {
				map.ids[at] = id;
			}
		}
	}
	return box;
};

/** The inside of a closed line, by the even-odd rule. */
export const fillPolygon = (
	map: IdMap,
	points: readonly Point[],
	id: number,
	mayChange: MayChange,
): Box | undefined => {
	if (points.length < 3) {
		return undefined;
	}
	const xs = points.map(([x]) => x);
	const ys = points.map(([, y]) => y);
	const box = clipped(map, {
		...{ x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs) + 1, y1: Math.max(...ys) + 1 },
	});
	for (let y = box.y0; y < box.y1; y++) {
		const line = y + 0.5;
		const crossings: number[] = [];
		for (const [at, [bx, by]] of points.entries()) {
			const [ax, ay] = points[(at + points.length - 1) % points.length]!;
			if (ay <= line !== by <= line) {
				crossings.push(ax + ((line - ay) / (by - ay)) * (bx - ax));
			}
		}
		crossings.sort((a, b) => a - b);
		for (let n = 0; n + 1 < crossings.length; n += 2) {
			const from = Math.max(0, Math.ceil(crossings[n]! - 0.5));
			const to = Math.min(map.width - 1, Math.floor(crossings[n + 1]! - 0.5));
			for (let x = from; x <= to; x++) {
				const at = y * map.width + x;
				if (mayChange(map.ids[at]!)) {
					map.ids[at] = id;
				}
			}
		}
	}
	return box;
};

/** All that hangs together with a pixel and has its id: fills holes, gives a region to another object, takes it away. */
export const floodFill = (map: IdMap, [px, py]: Point, id: number, mayChange: MayChange): Box | undefined => {
	const { width, height, ids } = map;
	const [x, y] = [Math.floor(px), Math.floor(py)];
	if (x < 0 || y < 0 || x >= width || y >= height) {
		return undefined;
	}
	const from = ids[y * width + x]!;
	if (from === id || !mayChange(from)) {
		return undefined;
	}
	let [x0, y0, x1, y1] = [x, y, x, y];
	// Spans of a row: to be looked at are only their starts.
	const starts = [y * width + x];
	for (let start = starts.pop(); start !== undefined; start = starts.pop()) {
		if (ids[start] !== from) {
			continue;
		}
		const row = Math.floor(start / width) * width;
		let left = start;
		while (left > row && ids[left - 1] === from) {
			left--;
		}
		let right = start;
		while (right + 1 < row + width && ids[right + 1] === from) {
			right++;
		}
		ids.fill(id, left, right + 1);
		x0 = Math.min(x0, left - row);
		x1 = Math.max(x1, right - row);
		y0 = Math.min(y0, row / width);
		y1 = Math.max(y1, row / width);
		for (const other of [-width, width]) {
			if (row + other < 0 || row + other >= width * height) {
				continue;
			}
			for (let at = left + other; at <= right + other; at++) {
				if (ids[at] === from && (at === left + other || ids[at - 1] !== from)) {
					starts.push(at);
				}
			}
		}
	}
	return { x0, y0, x1: x1 + 1, y1: y1 + 1 };
};

/** A copy of a box's ids, row by row. */
export const cut = ({ width, ids }: IdMap, { x0, y0, x1, y1 }: Box): Uint8Array<ArrayBuffer> => {
	const piece = new Uint8Array((x1 - x0) * (y1 - y0));
	for (let y = y0; y < y1; y++) {
		piece.set(ids.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
	}
	return piece;
};

/** Puts a piece back where it was {@link cut}. */
export const paste = ({ width, ids }: IdMap, { x0, y0, x1, y1 }: Box, piece: Uint8Array): void => {
	for (let y = y0; y < y1; y++) {
		ids.set(piece.subarray((y - y0) * (x1 - x0), (y - y0 + 1) * (x1 - x0)), y * width + x0);
	}
};

/** Runs of equal ids, `[id, length, …]`. */
export const toRuns = (ids: Uint8Array): number[] => {
	const runs: number[] = [];
	for (let at = 0; at < ids.length; ) {
		const id = ids[at]!;
		let end = at + 1;
		while (end < ids.length && ids[end] === id) {
			end++;
		}
		runs.push(id, end - at);
		at = end;
	}
	return runs;
};

/** The reverse of {@link toRuns}; undefined when they don't fill `length` pixels. */
export const fromRuns = (runs: readonly number[], length: number): Uint8Array<ArrayBuffer> | undefined => {
	const ids = new Uint8Array(length);
	let at = 0;
	for (let n = 0; n + 1 < runs.length; n += 2) {
		const end = at + runs[n + 1]!;
		if (end > length) {
			return undefined;
		}
		ids.fill(runs[n]!, at, end);
		at = end;
	}
	return at === length ? ids : undefined;
};
