import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Where a point of a frame lies in the cut-out it shows, both in pixels. */
export type ToCutOut = (frame: number, x: number, y: number) => readonly [u: number, v: number];

/** An object of a sample whose motion is known exactly, because `samples/make` has drawn it. */
export type KnownObject = {
	readonly id: number;
	readonly toCutOut: ToCutOut;
	/** Frame pixels for a pixel of the cut-out. */
	readonly scale: (frame: number) => number;
};

// The hand-held wander is drawn from NumPy's generator: `scene.handheld(...)`, the first thing that `bear.py` and
// `birds.py` ask of it, printed; and the sizes of the cut-outs with their padding.
const handheldSchema = z.object({
	bear: z.object({
		layer: z.tuple([z.number(), z.number()]),
		wander: z.array(z.tuple([z.number(), z.number()])),
	}),
	birds: z.object({
		layers: z.record(z.string(), z.tuple([z.number(), z.number()])),
		wander: z.array(z.tuple([z.number(), z.number()])),
	}),
});

const PADDING = 24;

type Bend = (frame: number, u: number, v: number) => readonly [number, number];

/** As `scene.place`. */
const placed = (
	id: number,
	[height, width]: readonly [number, number],
	foot: (frame: number) => readonly [number, number],
	scale: (frame: number) => number,
	bend: Bend,
): KnownObject => ({
	id,
	scale,
	toCutOut: (frame, x, y) => {
		const [footX, footY] = foot(frame);
		const u = (x - footX) / scale(frame) + width / 2;
		const v = (y - footY) / scale(frame) + height - PADDING;
		const [dx, dy] = bend(frame, u / width, v / height);
		return [u + dx, v + dy];
	},
});

const clip01 = (value: number): number => Math.min(1, Math.max(0, value));

const interpolate = (x: number, xs: readonly number[], ys: readonly number[]): number => {
	const after = xs.findIndex((value) => value >= x);
	if (after === 0 || after === -1) {
		return ys.at(after === 0 ? 0 : -1) ?? 0;
	}
	const [x0 = 0, x1 = 1, y0 = 0, y1 = 0] = [xs[after - 1], xs[after], ys[after - 1], ys[after]];
	return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
};

/** As `bear.gait`. */
const gait: Bend = (frame, u, v) => {
	const phase = (2 * Math.PI * frame) / 26;
	const leg = interpolate(u, [0.16, 0.27, 0.36, 0.47, 0.58, 0.72], [0, Math.PI, Math.PI, Math.PI, 0, 0]);
	const low = clip01((v - 0.52) / 0.42) ** 1.4;
	const head = clip01((u - 0.62) / 0.25) * clip01((0.62 - v) / 0.2);
	const nod = Math.sin(2 * phase + 0.6);
	return [
		-13 * low * Math.sin(phase + leg) - 3 * head * nod,
		9 * low * clip01(Math.cos(phase + leg)) + 2.2 * (1 - low) * Math.sin(2 * phase) + 5 * head * nod,
	];
};

/** As `birds.strut`. */
const strut =
	(phaseOf: (frame: number) => number, hip: number, pivot: number): Bend =>
	(frame, u, v) => {
		const phase = phaseOf(frame);
		const low = clip01((v - hip) / (1 - hip));
		const high = clip01((0.35 - v) / 0.35);
		const side = Math.tanh((u - pivot) * 18);
		return [
			12 * low * Math.sin(phase) * side + 7 * high * Math.sin(2 * phase),
			7 * low * clip01(Math.cos(phase) * side) + 1.5 * (1 - low) * Math.cos(2 * phase),
		];
	};

/** The objects of `samples/bear` and `samples/birds`. */
export const knownObjects = async (): Promise<Record<'bear' | 'birds', readonly KnownObject[]>> => {
	const file = new URL('handheld.json', import.meta.url);
	const { bear, birds } = handheldSchema.parse(JSON.parse(await readFile(file, 'utf8')));
	const wanderOf = (wander: readonly (readonly [number, number])[], frame: number) => wander[frame] ?? [0, 0];
	const bearTime = (frame: number): number => frame / 71;
	const birdTime = (frame: number): number => frame / 35;
	const birdZoom = (frame: number): number => 1 + 0.06 * birdTime(frame);
	const phase = (frame: number): number => (2 * Math.PI * frame) / 18;
	const bird = (
		id: number,
		name: string,
		foot: (time: number) => readonly [number, number],
		scale: number,
		bend: Bend,
	): KnownObject =>
		placed(
			id,
			birds.layers[name] ?? [1, 1],
			(frame) => {
				const [wx, wy] = wanderOf(birds.wander, frame);
				const [x, y] = foot(birdTime(frame));
				return [x - wx, y - wy];
			},
			(frame) => scale * birdZoom(frame),
			bend,
		);
	return {
		bear: [
			placed(
				1,
				bear.layer,
				(frame) => {
					const [wx, wy] = wanderOf(bear.wander, frame);
					const time = bearTime(frame);
					return [190 + 420 * time - wx, 418 + 10 * Math.sin(2.2 * time) - wy];
				},
				(frame) => (0.9 + 0.08 * bearTime(frame)) * (1 + 0.05 * bearTime(frame)),
				gait,
			),
		],
		birds: [
			bird(
				1,
				'pink_flamingo',
				(t) => [420 - 25 * t, 262],
				0.5,
				strut((f) => 0.8 * Math.sin(phase(f) / 2), 0.6, 0.5),
			),
			bird(2, 'crowned_crane', (t) => [150 + 190 * t, 290], 0.58, strut(phase, 0.62, 0.55)),
			bird(
				3,
				'helmeted_guineafowl',
				(t) => [560 - 330 * t, 330],
				0.45,
				strut((f) => phase(f) * 1.2 + 1, 0.7, 0.4),
			),
		],
	};
};

/** Where a point of the first frame is in another one. */
export const followPoint = (
	object: KnownObject,
	x: number,
	y: number,
	frame: number,
): readonly [number, number] => {
	const [u, v] = object.toCutOut(0, x, y);
	const scale = object.scale(frame);
	let [toX, toY] = [x, y];
	for (let step = 0; step < 60; step++) {
		const [atU, atV] = object.toCutOut(frame, toX, toY);
		// Undamped, the steps would swing around the answer where the legs bend most.
		toX -= 0.7 * scale * (atU - u);
		toY -= 0.7 * scale * (atV - v);
	}
	return [toX, toY];
};
