import type { UploadLimits } from '../../src/studio/protocol';

type Named = Pick<File, 'name'>;

const isPicture = ({ name }: Named): boolean => /\.(png|jpe?g|webp|tiff?|avif|gif|bmp)$/i.test(name);

/** @throws Error with a sentence for the person, when there are more pictures than are copied; their names are enough to tell */
export const requireFewPictures = (files: readonly Named[], { files: most }: UploadLimits): void => {
	if (files.filter(isPicture).length > most) {
		throw new Error(
			`More than ${most} files can't be copied into a project; open the folder by its path, below.`,
		);
	}
};

/**
 * What of the files that somebody has chosen or dropped is a clip: one file, or many pictures, which may lie beside other things in their folder.
 *
 * @throws Error with a sentence for the person, before anything is sent
 */
export const clipOf = (files: readonly File[], limits: UploadLimits): readonly File[] => {
	const [first] = files;
	if (first === undefined) {
		throw new Error('There is no file in what was dropped.');
	}
	const pictures = files.filter(isPicture);
	if (files.length > 1 && pictures.length === 0) {
		throw new Error(`These are ${files.length} files, and none is a picture: open one clip at a time.`);
	}
	const chosen = files.length === 1 ? files : pictures;
	requireFewPictures(chosen, limits);
	const { gigabytes } = limits;
	if (chosen.reduce((sum, { size }) => sum + size, 0) > gigabytes * 2 ** 30) {
		throw new Error(
			`More than ${gigabytes} GB can't be copied into a project; open the clip by its path, below.`,
		);
	}
	if (new Set(chosen.map(({ name }) => name)).size < chosen.length) {
		throw new Error('Some of these files have the same name: drop one folder of frames at a time.');
	}
	return chosen;
};
