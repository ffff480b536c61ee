import type { UploadLimits } from '../../src/studio/protocol';

const isPicture = ({ name }: File): boolean => /\.(png|jpe?g|webp|tiff?|avif|gif|bmp)$/i.test(name);

/**
 * What of the files that somebody has chosen or dropped is a clip: one file, or many pictures, which may lie beside other things in their folder.
 *
 * @throws Error with a sentence for the person, before anything is sent
 */
export const clipOf = (files: readonly File[], { gigabytes, files: most }: UploadLimits): readonly File[] => {
	const [first] = files;
	if (first === undefined) {
		throw new Error('There is no file in what was dropped.');
	}
	const pictures = files.filter(isPicture);
	if (files.length > 1 && pictures.length === 0) {
		throw new Error(`These are ${files.length} files, and none is a picture: open one clip at a time.`);
	}
	const chosen = files.length === 1 ? files : pictures;
	if (chosen.length > most) {
		throw new Error(
			`More than ${most} files can't be copied into a project; open the folder by its path, below.`,
		);
	}
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
