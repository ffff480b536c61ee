import { readFile } from 'node:fs/promises';
import type { BackwardFlow } from '../../core/backward-flow.js';
import { throwIfAborted } from '../../core/errors.js';
import type { Raster } from '../../core/frame.js';
import { parseFlow } from '../../media/flow-file.js';
import { readImage } from '../../media/image.js';
import { readLabelMap } from '../../media/label-map.js';
import { mean } from '../statistics.js';
import { type MethodScoreOf, scoreMethods } from './method-scores.js';
import { type TssDirection, type TssPair, tssDirections } from './tss.js';

/** A pixel is right when it is within this share of the longer side: 5 pixels of an image of 100, as in TSS. */
const TOLERANCE = 0.05;

export type FlowMethod = {
	readonly name: string;
	match(source: Raster<3>, target: Raster<3>): Promise<BackwardFlow>;
};

type FlowScore = {
	/** Share of the target's object pixels with known truth that are within the tolerance; mean over directions. */
	readonly accuracy: number;
	/** Mean distance from the truth in pixels. */
	readonly endPointError: number;
	/** Pairs, each in both directions. */
	readonly pairs: number;
};

export type FlowMethodScore = MethodScoreOf<FlowScore>;

type FlowEvaluation = {
	readonly pairs: readonly TssPair[];
	readonly methods: readonly FlowMethod[];
	readonly signal?: AbortSignal | undefined;
	readonly onPair?: ((done: number, total: number) => void) | undefined;
};

type DirectionScore = {
	readonly category: string;
	readonly accuracy: number;
	readonly endPointError: number;
};

/** Flow accuracy on TSS, both directions of every pair; where the objects face opposite ways the source is mirrored. */
export const evaluateFlow = async ({
	pairs,
	methods,
	signal,
	onPair,
}: FlowEvaluation): Promise<FlowMethodScore[]> => {
	const scores = methods.map(() => [] as DirectionScore[]);
	for (const [done, pair] of pairs.entries()) {
		for (const direction of tssDirections(pair)) {
			const images = [await readImage(direction.source), await readImage(direction.target)] as const;
			const source = pair.flipped ? mirrored(images[0]) : images[0];
			for (const [index, method] of methods.entries()) {
				throwIfAborted(signal);
				const found = await method.match(source, images[1]);
				scores[index]?.push({ category: pair.category, ...(await compare(found, direction)) });
			}
		}
		onPair?.(done + 1, pairs.length);
	}
	return scoreMethods(methods, scores, scoreOf);
};

const scoreOf = (directions: readonly DirectionScore[]): FlowScore => ({
	accuracy: mean(directions.map(({ accuracy }) => accuracy)),
	endPointError: mean(directions.map(({ endPointError }) => endPointError)),
	pairs: directions.length / 2,
});

const compare = async (
	found: BackwardFlow,
	{ flow, mask }: TssDirection,
): Promise<{ accuracy: number; endPointError: number }> => {
	const truth = parseFlow(await readFile(flow), flow);
	const { ids } = await readLabelMap(mask);
	return flowError(found, truth, ids, TOLERANCE * Math.max(truth.width, truth.height));
};

/**
 * How a flow differs from the true one, over the pixels of a mask whose truth is known.
 *
 * @param mask [H * W] 0 outside
 * @param tolerance in pixels
 */
export const flowError = (
	found: BackwardFlow,
	truth: BackwardFlow,
	mask: Uint8Array,
	tolerance: number,
): { readonly accuracy: number; readonly endPointError: number } => {
	let [known, correct, sum] = [0, 0, 0];
	for (let pixel = 0; pixel < mask.length; pixel++) {
		if (mask[pixel] === 0 || truth.confidence[pixel] === 0) {
			continue;
		}
		const distance = Math.hypot(
			found.positions[pixel * 2]! - truth.positions[pixel * 2]!,
			found.positions[pixel * 2 + 1]! - truth.positions[pixel * 2 + 1]!,
		);
		known++;
		correct += distance <= tolerance ? 1 : 0;
		sum += distance;
	}
	return { accuracy: correct / known, endPointError: sum / known };
};

const mirrored = ({ width, height, data }: Raster<3>): Raster<3> => {
	const result = new Uint8Array(data.length);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const from = (y * width + width - 1 - x) * 3;
			result.set(data.subarray(from, from + 3), (y * width + x) * 3);
		}
	}
	return { width, height, channels: 3, data: result };
};
