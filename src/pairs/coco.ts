import { z } from 'zod';
import type { Point } from '../core/point.js';
import type { Size } from '../core/size.js';
import type { KeypointJob, KeypointResult } from './keypoint-job.js';
import type { PointMatch } from './match-points.js';

const imageSchema = z.looseObject({ id: z.union([z.number(), z.string()]), file_name: z.string() });
const annotationSchema = z.looseObject({
	id: z.union([z.number(), z.string()]),
	image_id: z.union([z.number(), z.string()]),
	category_id: z.number(),
	/** x, y, v for each keypoint; v is 0 for one that is not labelled. */
	keypoints: z.array(z.number()).optional(),
});
const categorySchema = z.looseObject({
	id: z.number(),
	name: z.string(),
	keypoints: z.array(z.string()).optional(),
});

/** COCO keypoint annotations (https://cocodataset.org/#format-data); unknown fields are kept. */
export const cocoSchema = z.looseObject({
	images: z.array(imageSchema).min(1),
	annotations: z.array(annotationSchema),
	categories: z.array(categorySchema),
});
type Coco = z.infer<typeof cocoSchema>;
type CocoAnnotation = z.infer<typeof annotationSchema>;

/** An annotation that was carried to an image; what COCO asks for, and the mean similarity of its points. */
type CarriedAnnotation = {
	readonly image_id: number | string;
	readonly category_id: number;
	readonly keypoints: number[];
	readonly num_keypoints: number;
	readonly bbox: readonly number[];
	readonly area: number;
	readonly iscrowd: 0;
	readonly score: number;
};

const annotated = ({ annotations }: Coco): CocoAnnotation[] =>
	annotations.filter(({ keypoints }) => keypoints?.some((value, i) => i % 3 === 2 && value > 0));

/**
 * Every annotation with keypoints, to every image that has none: usually one annotated image to many. With several
 * annotated images each of them is tried, and {@link cocoWithResults} keeps the one that matches best.
 */
export const cocoJobs = (coco: Coco): KeypointJob[] => {
	const sources = annotated(coco);
	const annotatedImages = new Set(sources.map(({ image_id }) => image_id));
	const fileOf = new Map(coco.images.map((image) => [image.id, image.file_name]));
	const targets = coco.images.filter(({ id }) => !annotatedImages.has(id));
	return sources.flatMap((annotation, index) => {
		const source = fileOf.get(annotation.image_id);
		if (source === undefined) {
			return [];
		}
		const category = coco.categories.find(({ id }) => id === annotation.category_id);
		const labelled = labelledKeypoints(annotation);
		return targets.map((target) => ({
			source,
			target: target.file_name,
			category: category?.name,
			annotation: index,
			points: labelled.map(({ at }) => at),
			names: labelled.map(({ position }) => category?.keypoints?.[position]),
		}));
	});
};

const labelledKeypoints = ({ keypoints = [] }: CocoAnnotation) =>
	Array.from({ length: Math.floor(keypoints.length / 3) }, (_, position) => ({
		position,
		at: [keypoints[position * 3]!, keypoints[position * 3 + 1]!] as const,
		visibility: keypoints[position * 3 + 2]!,
	})).filter(({ visibility }) => visibility > 0);

/**
 * The file with an annotation added for every image and annotation carried to it, ready for programs that import COCO
 * (CVAT, Label Studio).
 */
export const cocoWithResults = (
	coco: Coco,
	results: readonly KeypointResult[],
	sizes: ReadonlyMap<string, Size>,
): Coco => {
	const sources = annotated(coco);
	const idOf = new Map(coco.images.map((image) => [image.file_name, image.id]));
	const best = new Map<string, CarriedAnnotation>();
	for (const { job, matches, found } of results) {
		const source = sources[job.annotation ?? -1];
		const imageId = idOf.get(job.target);
		if (source === undefined || imageId === undefined || matches === undefined) {
			continue;
		}
		const labelled = labelledKeypoints(source);
		const keypoints = Array<number>(source.keypoints?.length ?? 0).fill(0);
		matches.forEach(({ target }, point) => {
			const keypoint = labelled[found[point] ?? point];
			// What was hidden, but placed, in one image is in the other as well, as far as anybody knows.
			const at = (keypoint?.position ?? 0) * 3;
			keypoints.splice(at, 3, round(target[0]), round(target[1]), keypoint?.visibility ?? 2);
		});
		const carried = carriedAnnotation(imageId, source.category_id, keypoints, matches);
		// Two instances in one annotated image are two annotations; the same instance in two images is one.
		const key = `${imageId}/${source.category_id}/${instanceNumber(sources, source)}`;
		if (carried.score > (best.get(key)?.score ?? Number.NEGATIVE_INFINITY)) {
			best.set(key, carried);
		}
	}
	const highest = Math.max(0, ...coco.annotations.map(({ id }) => Number(id)).filter(Number.isFinite));
	return {
		...coco,
		images: coco.images.map((image) => ({ ...image, ...sizes.get(image.file_name) })),
		annotations: [
			...coco.annotations,
			...[...best.values()].map((carried, index) => ({ ...carried, id: highest + 1 + index })),
		],
	};
};

const instanceNumber = (sources: readonly CocoAnnotation[], annotation: CocoAnnotation): number =>
	sources
		.filter((a) => a.image_id === annotation.image_id && a.category_id === annotation.category_id)
		.indexOf(annotation);

const carriedAnnotation = (
	imageId: number | string,
	categoryId: number,
	keypoints: number[],
	matches: readonly Pick<PointMatch, 'score'>[],
): CarriedAnnotation => {
	const found = keypoints.filter((_, i) => keypoints[i - (i % 3) + 2]! > 0);
	const along = (axis: 0 | 1): number[] => found.filter((_, i) => i % 3 === axis);
	const [x, y] = [Math.min(...along(0)), Math.min(...along(1))];
	const [width, height] = [round(Math.max(...along(0)) - x), round(Math.max(...along(1)) - y)];
	const score = matches.reduce((sum, match) => sum + match.score, 0) / matches.length;
	return {
		image_id: imageId,
		category_id: categoryId,
		keypoints,
		num_keypoints: matches.length,
		bbox: [x, y, width, height],
		area: round(width * height),
		iscrowd: 0,
		score: Number(score.toFixed(4)),
	};
};

type ScoredPoint = { readonly at: Point; readonly score: number };

/** A new COCO file from jobs of another format. */
export const cocoFromResults = (
	results: readonly KeypointResult[],
	sizes: ReadonlyMap<string, Size>,
): Coco => {
	const images = [...new Set(results.flatMap(({ job }) => [job.source, job.target]))];
	const idOf = new Map(images.map((name, index) => [name, index + 1]));
	const categories = new Map<string, { id: number; name: string; keypoints: string[] }>();
	const annotations: Coco['annotations'] = [];
	const add = (
		{ category, names }: KeypointJob,
		image: string,
		matches: readonly ScoredPoint[],
		found: readonly number[],
	): void => {
		const keypointNames = names.map((name, index) => name ?? `${index + 1}`);
		// A category has one list of keypoints, so jobs that differ in theirs belong to different ones.
		const key = JSON.stringify([category, keypointNames]);
		const known = categories.get(key) ?? {
			id: categories.size + 1,
			name: category ?? (categories.size === 0 ? 'object' : `object-${categories.size + 1}`),
			keypoints: keypointNames,
		};
		categories.set(key, known);
		const keypoints = Array<number>(names.length * 3).fill(0);
		for (const [
			point,
			{
				at: [x, y],
			},
		] of matches.entries()) {
			keypoints.splice((found[point] ?? point) * 3, 3, round(x), round(y), 2);
		}
		annotations.push({
			...carriedAnnotation(idOf.get(image) ?? 0, known.id, keypoints, matches),
			id: annotations.length + 1,
		});
	};
	const given = new Set<string>();
	for (const { job, matches, found } of results) {
		const key = JSON.stringify([job.source, job.category, job.points]);
		if (!given.has(key) && found.length > 0) {
			given.add(key);
			add(
				job,
				job.source,
				found.map((point) => ({ at: job.points[point] ?? [0, 0], score: 1 })),
				found,
			);
		}
		if (matches !== undefined) {
			add(
				job,
				job.target,
				matches.map(({ target, score }) => ({ at: target, score })),
				found,
			);
		}
	}
	return {
		images: images.map((file_name) => ({ id: idOf.get(file_name) ?? 0, file_name, ...sizes.get(file_name) })),
		annotations,
		categories: [...categories.values()].map((category) => ({ ...category, skeleton: [] })),
	};
};

/** To 1/1000 pixel: more digits would pretend to a precision that is not there. */
const round = (value: number): number => Math.round(value * 1000) / 1000;
