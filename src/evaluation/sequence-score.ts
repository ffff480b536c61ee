import { contourAccuracy, type Labels, objectMask, regionSimilarity, voidId } from './mask-measures.js';
import { type Statistics, statistics } from './statistics.js';

/** J and F of one object over a sequence. */
export type ObjectScore = {
	/** The object's id in the annotations. */
	readonly id: number;
	readonly j: Statistics;
	readonly f: Statistics;
	/** (mean J + mean F) / 2 */
	readonly jAndF: number;
};

/** Scores frames one at a time, so that no sequence is ever held in memory. */
type SequenceScorer = {
	/**
	 * Compares one frame; the caller leaves out the first and the last annotated frame.
	 *
	 * @param result undefined when the method gave nothing for this frame: every object counts as empty there
	 */
	add(truth: Labels, result: Labels | undefined): void;
	/** One score for each object, in the order of their ids. */
	scores(): ObjectScore[];
};

/**
 * Number of objects of a sequence: the highest id of its first annotation, as in the official evaluation. An id that
 * appears only later is not scored, for no method was told of it.
 */
export const objectCount = (firstTruth: Labels): number =>
	firstTruth.ids.reduce((highest, id) => (id !== voidId && id > highest ? id : highest), 0);

/** A scorer for objects 1 to `objects`. */
export const scoreSequence = (objects: number): SequenceScorer => {
	const perObject = Array.from({ length: objects }, (_, index) => ({
		id: index + 1,
		j: [] as number[],
		f: [] as number[],
	}));
	return {
		add(truth, result) {
			const found = result ?? { ...truth, ids: new Uint8Array(truth.ids.length) };
			if (found.width !== truth.width || found.height !== truth.height) {
				throw new RangeError(
					`A result of ${found.width} x ${found.height} can't be compared with a truth of ${truth.width} x ${truth.height}.`,
				);
			}
			for (const { id, j, f } of perObject) {
				const truthMask = objectMask(truth, id, truth);
				const resultMask = objectMask(found, id, truth);
				j.push(regionSimilarity(truthMask, resultMask));
				f.push(contourAccuracy(truthMask, resultMask));
			}
		},
		scores: () =>
			perObject.map(({ id, j, f }) => {
				const [region, contour] = [statistics(j), statistics(f)];
				return { id, j: region, f: contour, jAndF: (region.mean + contour.mean) / 2 };
			}),
	};
};
