import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { UserError } from '../core/errors.js';

/** One sequence of a DAVIS data set. */
export type DavisSequence = {
	readonly name: string;
	/** Folder of the frames, in the order of their names. */
	readonly framesFolder: string;
	/** Number of frames in the folder. */
	readonly frames: number;
	/** The annotated frames in order; DAVIS annotates all of them. */
	readonly annotations: readonly DavisAnnotation[];
};

type DavisAnnotation = {
	/** Position of the frame in its folder, from 0. */
	readonly index: number;
	readonly path: string;
};

/** The resolution that the literature reports. */
const resolution = '480p';

/**
 * The sequences of a folder in DAVIS layout (2016 or 2017): `JPEGImages/480p/SEQ/*.jpg` and
 * `Annotations/480p/SEQ/*.png`, in alphabetical order.
 *
 * @param wanted names of sequences; all when omitted
 * @throws UserError when the folder has another layout or lacks a wanted sequence
 */
export const listDavisSequences = async (
	root: string,
	wanted?: readonly string[] | undefined,
): Promise<DavisSequence[]> => {
	const found = await namesIn(join(root, 'Annotations', resolution));
	if (found.length === 0) {
		throw new UserError(
			`"${root}" is not a DAVIS folder; it should have Annotations/${resolution}/SEQUENCE/00000.png and JPEGImages/${resolution}/SEQUENCE/00000.jpg.`,
		);
	}
	const missing = wanted?.find((name) => !found.includes(name));
	if (missing !== undefined) {
		throw new UserError(`"${root}" has no sequence "${missing}"; it has ${found.join(', ')}.`);
	}
	return Promise.all((wanted ?? found).map((name) => readSequence(root, name)));
};

const readSequence = async (root: string, name: string): Promise<DavisSequence> => {
	const framesFolder = join(root, 'JPEGImages', resolution, name);
	const annotationsFolder = join(root, 'Annotations', resolution, name);
	const frames = (await namesIn(framesFolder)).filter((file) => /\.(jpe?g|png)$/i.test(file));
	const indexOf = new Map(frames.map((file, index) => [stem(file), index]));
	const annotations = (await namesIn(annotationsFolder))
		.filter((file) => extname(file).toLowerCase() === '.png')
		.map((file) => ({ index: indexOf.get(stem(file)), path: join(annotationsFolder, file) }))
		.filter((annotation): annotation is DavisAnnotation => annotation.index !== undefined);
	if (annotations[0]?.index !== 0 || annotations.length < 3) {
		// The first is given to the method and the last is never scored, so that two annotations leave nothing to measure.
		throw new UserError(
			`The sequence "${name}" in "${root}" can't be evaluated; it should have frames in JPEGImages/${resolution}/${name} and masks of the same names in Annotations/${resolution}/${name}, from the first frame on, at least three.`,
		);
	}
	return { name, framesFolder, frames: frames.length, annotations };
};

/** Sorted names of a folder; none when it does not exist. */
const namesIn = async (folder: string): Promise<string[]> =>
	(await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.')).sort();

const stem = (file: string): string => basename(file, extname(file));
