import type { LabelMap } from '../../core/frame.js';

/** A closed ring, its last point joined to the first. Pixel (x, y) covers x..x+1 and y..y+1. */
type Polygon = readonly (readonly [x: number, y: number])[];

/**
 * The outlines of an object as polygons without holes: where the object has one, it is cut in two through the hole.
 * Points are left out as long as no pixel's centre changes sides, so filling the polygons gives the mask again.
 */
export const objectPolygons = ({ width, height, ids }: LabelMap, id: number): Polygon[] => {
	const inside = Uint8Array.from(ids, (value) => (value === id ? 1 : 0));
	return polygonsOf({ width, height, inside });
};

type Shape = { readonly width: number; readonly height: number; readonly inside: Uint8Array };

const polygonsOf = (shape: Shape): Polygon[] => {
	const rings = traceRings(shape);
	const hole = rings.find((ring) => signedArea(ring) < 0);
	if (hole === undefined) {
		return rings.map(simplify);
	}
	const columns = hole.map(([x]) => x);
	const cut = Math.floor((Math.min(...columns) + Math.max(...columns)) / 2);
	const side = (keeps: (x: number) => boolean): Shape => ({
		...shape,
		inside: shape.inside.map((value, at) => (keeps(at % shape.width) ? value : 0)),
	});
	return [...polygonsOf(side((x) => x < cut)), ...polygonsOf(side((x) => x >= cut))];
};

/** Right, down, left, up. */
const steps = [
	[1, 0],
	[0, 1],
	[-1, 0],
	[0, -1],
] as const;

/**
 * Follows the cracks between inside and outside with the inside on the right: outlines run clockwise, holes the other
 * way. Pixels that touch only at a corner are apart.
 */
const traceRings = ({ width, height, inside }: Shape): [number, number][][] => {
	const isInside = (x: number, y: number): boolean =>
		x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x] === 1;
	// A bit for each direction in which a crack leaves a corner.
	const leaving = new Uint8Array((width + 1) * (height + 1));
	const stride = width + 1;
	const add = (x: number, y: number, direction: number): void => {
		leaving[y * stride + x] = (leaving[y * stride + x] ?? 0) | (1 << direction);
	};
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (inside[y * width + x] === 0) {
				continue;
			}
			if (!isInside(x, y - 1)) add(x, y, 0);
			if (!isInside(x + 1, y)) add(x + 1, y, 1);
			if (!isInside(x, y + 1)) add(x + 1, y + 1, 2);
			if (!isInside(x - 1, y)) add(x, y + 1, 3);
		}
	}
	const rings: [number, number][][] = [];
	for (let start = 0; start < leaving.length; start++) {
		while (leaving[start] !== 0) {
			rings.push(followRing(leaving, stride, start));
		}
	}
	return rings;
};

/** One ring from a corner back to it, its cracks taken out of `leaving`; only corners where it turns are kept. */
const followRing = (leaving: Uint8Array, stride: number, start: number): [number, number][] => {
	const ring: [number, number][] = [];
	let at = start;
	let direction = -1;
	do {
		const ways = leaving[at] ?? 0;
		// Turning right first keeps to the same pixel where two touch at a corner.
		const turns = direction < 0 ? [0, 1, 2, 3] : [(direction + 1) % 4, direction, (direction + 3) % 4];
		const next = turns.find((way) => ways & (1 << way));
		if (next === undefined) {
			throw new Error('A contour does not close.');
		}
		if (next !== direction) {
			ring.push([at % stride, Math.floor(at / stride)]);
		}
		leaving[at] = ways & ~(1 << next);
		direction = next;
		const [dx, dy] = steps[next] ?? [0, 0];
		at += dy * stride + dx;
	} while (at !== start);
	return ring;
};

const signedArea = (ring: Polygon): number =>
	ring.reduce((sum, [x, y], at) => {
		const [nextX, nextY] = ring[(at + 1) % ring.length] ?? [x, y];
		return sum + x * nextY - nextX * y;
	}, 0) / 2;

/** A pixel's centre is half a pixel from the nearest crack, so an outline that moves by less does not pass one. */
const tolerance = 0.49;

/** Douglas and Peucker's simplification (1973) of a ring, between its first point and the one farthest from it. */
const simplify = (ring: Polygon): Polygon => {
	const [first] = ring;
	if (first === undefined) {
		return ring;
	}
	const far = indexOfMost(ring, ([x, y]) => (x - first[0]) ** 2 + (y - first[1]) ** 2);
	const closed = [...ring, first];
	return [...thin(closed.slice(0, far + 1)), ...thin(closed.slice(far))];
};

/** The points of an open line that are needed, without its last. */
const thin = (line: Polygon): Polygon => {
	const kept = new Set([0]);
	const pending: [number, number][] = [[0, line.length - 1]];
	for (let span = pending.pop(); span !== undefined; span = pending.pop()) {
		const [from, to] = span;
		const [a, b] = [line[from], line[to]];
		if (a === undefined || b === undefined || to - from < 2) {
			continue;
		}
		const between = line.slice(from + 1, to);
		const worst = from + 1 + indexOfMost(between, (point) => distanceToSegment(point, a, b));
		if (distanceToSegment(line[worst] ?? a, a, b) > tolerance) {
			kept.add(worst);
			pending.push([from, worst], [worst, to]);
		}
	}
	return line.filter((_, at) => kept.has(at));
};

const indexOfMost = <Item>(items: readonly Item[], measure: (item: Item) => number): number => {
	let [best, most] = [0, Number.NEGATIVE_INFINITY];
	for (const [at, item] of items.entries()) {
		const value = measure(item);
		if (value > most) {
			[best, most] = [at, value];
		}
	}
	return best;
};

const distanceToSegment = (
	[x, y]: readonly [number, number],
	[ax, ay]: readonly [number, number],
	[bx, by]: readonly [number, number],
): number => {
	const [dx, dy] = [bx - ax, by - ay];
	const length = dx * dx + dy * dy;
	const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
	return Math.hypot(x - ax - along * dx, y - ay - along * dy);
};
