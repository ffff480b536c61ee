import { extname } from 'node:path';
import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import type { Point } from '../core/point.js';
import { type DescribedImage, describeImage } from '../matching/described-image.js';
import { requireDistinct } from '../media/distinct-files.js';
import { readImage, requireImageName, writeImage } from '../media/image.js';
import { type InstalledPairModel, isPairModel } from '../models/model-folder.js';
import { findAnyModel } from '../models/registry.js';
import { matchPicture } from '../pairs/match-picture.js';
import type { PointMatch } from '../pairs/match-points.js';
import type { PointMode } from '../pairs/modes.js';
import { mutualMatches } from '../pairs/mutual-matches.js';
import { type NamedPoints, namedPointsFrom, requireInside } from '../pairs/named-points.js';
import { pointMatcher } from '../pairs/point-matcher.js';
import { readPoints } from '../pairs/read-points.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { readDescriptorMap } from '../store/descriptor-file.js';
import { chosenModel, type Engine, type ModelChoice, openEngine, withPairModel } from './open-engine.js';
import { type MaskPaths, readPairMasks } from './read-pair-masks.js';

export type MatchJob = RuntimeOptions &
	ModelChoice &
	MaskPaths & {
		readonly source: string;
		readonly target: string;
		/**
		 * In pixels of the source, top-left origin, pixel centres at integers: `[x, y]` each, or as on the command line, JSON text or the
		 * name of a `.json` or `.csv` file.
		 */
		readonly points?: string | readonly Point[] | undefined;
		/** Default: `smooth`. */
		readonly mode?: PointMode | undefined;
		/** Descriptor maps from files instead of the model: those of an image's own generation, say. */
		readonly sourceFeatures?: string | undefined;
		readonly targetFeatures?: string | undefined;
		/** Find so many points instead. */
		readonly mutual?: number | undefined;
		/** `.json`, or a picture of both images side by side. */
		readonly output?: string | undefined;
		readonly overwrite?: boolean | undefined;
	};

/** A match and the name of its point, if it has one. */
export type NamedMatch = PointMatch & { readonly name?: string };

/**
 * Finds points of one image in another.
 *
 * @throws UserError for inputs that cannot be used, points outside the image, and outputs that exist
 */
export const matchPair = async (job: MatchJob): Promise<NamedMatch[]> => {
	await requireFree([job.output], job.overwrite);
	await requireDistinct(
		[job.output],
		[
			...[job.source, job.target, job.sourceMask, job.targetMask, job.sourceFeatures, job.targetFeatures],
			typeof job.points === 'string' ? job.points : undefined,
		],
	);
	const isPicture = job.output !== undefined && extname(job.output).toLowerCase() !== '.json';
	requireImageName(isPicture ? job.output : undefined);
	if ((job.points === undefined) === (job.mutual === undefined)) {
		throw new UserError('Give the points to be found with --points, or --mutual <n> to have some chosen.');
	}
	const given = job.points === undefined ? undefined : await givenPoints(job.points);
	const [source, target] = [await readImage(job.source), await readImage(job.target)];
	if (given !== undefined) {
		requireInside(given, source, job.source);
	}
	const masks = await readPairMasks(job, source, target);
	const { model, features } = await chosenModel(job);
	const pairModel = await findAnyModel(model);
	if (isPairModel(pairModel)) {
		const matches = await matchesOfPairModel(pairModel, job, source, target, given);
		await writeMatches(job, isPicture, source, target, matches);
		return matches;
	}
	const engine = await openEngine(model, {
		...{ device: job.device, threads: job.threads, features },
		whenNeeded: job.sourceFeatures !== undefined && job.targetFeatures !== undefined,
	});
	let matches: NamedMatch[];
	try {
		const from = await describedBy(job.sourceFeatures, engine, source);
		const to = await describedBy(job.targetFeatures, engine, target);
		if (from.map.channels !== to.map.channels) {
			throw new UserError(
				`The features have ${from.map.channels} and ${to.map.channels} channels; give those of one model for both images.`,
			);
		}
		const find = pointMatcher(job.mode ?? 'smooth', engine.runtime, engine.model.manifest.image);
		matches =
			given === undefined
				? await mutualMatches(from, to, job.mutual ?? 0, engine.runtime, masks)
				: withNames(await find(from, to, given.points, masks), given);
	} finally {
		await engine.close();
	}
	await writeMatches(job, isPicture, source, target, matches);
	return matches;
};

const givenPoints = async (points: string | readonly Point[]): Promise<NamedPoints> =>
	typeof points === 'string' ? readPoints(points) : namedPointsFrom(points, '"points"');

/** From the file if there is one, else by the model. */
const describedBy = async (
	features: string | undefined,
	{ extractor }: Engine,
	image: Raster<3>,
): Promise<DescribedImage> =>
	features === undefined
		? describeImage(extractor, image)
		: { width: image.width, height: image.height, map: await readDescriptorMap(features) };

const writeMatches = async (
	job: MatchJob,
	isPicture: boolean,
	source: Raster<3>,
	target: Raster<3>,
	matches: readonly NamedMatch[],
): Promise<void> => {
	if (job.output !== undefined && isPicture) {
		await writeImage(job.output, await matchPicture(source, target, matches));
	} else if (job.output !== undefined) {
		await writeFileAtomically(
			job.output,
			Buffer.from(
				`${JSON.stringify({ source: job.source, target: job.target, matches }, undefined, '\t')}\n`,
			),
		);
	}
};

/** A network that matches by itself finds given points only, and says nothing of how sure it is. */
const matchesOfPairModel = async (
	installed: InstalledPairModel,
	job: MatchJob,
	source: Raster<3>,
	target: Raster<3>,
	given: NamedPoints | undefined,
): Promise<NamedMatch[]> => {
	if (given === undefined) {
		throw new UserError(
			`The model "${installed.manifest.name}" matches given points only; give them with --points.`,
		);
	}
	if (job.sourceFeatures !== undefined || job.targetFeatures !== undefined) {
		throw new UserError(
			`The model "${installed.manifest.name}" works without features; leave --source-features and --target-features out.`,
		);
	}
	if (job.targetMask !== undefined) {
		throw new UserError(
			`The model "${installed.manifest.name}" looks in the whole image; leave --target-mask out.`,
		);
	}
	return withPairModel(installed, job, async (model) => {
		const found = await model.matchPoints(source, target, given.points);
		const matches = given.points.map((point, i) => ({ source: point, target: found[i] ?? point, score: 1 }));
		return withNames(matches, given);
	});
};

const withNames = (matches: readonly PointMatch[], { names }: NamedPoints): NamedMatch[] =>
	matches.map((match, index) => {
		const name = names[index];
		return name === undefined ? match : { ...match, name };
	});
