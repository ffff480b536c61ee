import type { Point } from '../../core/point.js';

/** left, top, right, bottom in pixels. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** A test of keypoint correspondence: the same points in two images. */
export type KeypointPair = {
	readonly category: string;
	readonly source: { readonly path: string; readonly points: readonly Point[] };
	readonly target: { readonly path: string; readonly points: readonly Point[]; readonly box: Box };
};

/** The box around points: what PF-WILLOW, which has no boxes, is measured by. */
export const boxAround = (points: readonly Point[]): Box => {
	const [x, y] = [points.map((point) => point[0]), points.map((point) => point[1])];
	return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
};

/** `limit` pairs spread evenly over the list, so that every category keeps its share; the same ones each time. */
export const spreadOver = <Item>(items: readonly Item[], limit: number | undefined): Item[] =>
	limit === undefined || limit >= items.length
		? [...items]
		: Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)]!);
