import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import type { DescriptorMap } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { principalComponents } from '../features/principal-components.js';
import { requireDistinct } from '../media/distinct-files.js';
import { readImage, requireImageName, writeImage } from '../media/image.js';
import { loadSharp } from '../media/sharp.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { formatNpy } from '../store/npy.js';
import { chosenModel, type ModelChoice, openEngine } from './open-engine.js';

export type FeaturesJob = RuntimeOptions &
	ModelChoice & {
		/** `.npy`, float32 [1, C, H, W], as aggregated and not normalised; of one image. */
		readonly output?: string | undefined;
		/**
		 * A picture of the principal components: of one image a pixel for each cell; of several the images in a row and
		 * their components, which are common to all, below them.
		 */
		readonly pca?: string | undefined;
		readonly overwrite?: boolean | undefined;
	};

/**
 * Writes images' descriptor maps as numbers or as a picture.
 *
 * @throws UserError for images that cannot be read and outputs that exist
 */
export const exportFeatures = async (imagePaths: readonly string[], job: FeaturesJob): Promise<void> => {
	await requireFree([job.output, job.pca], job.overwrite);
	requireImageName(job.pca);
	await requireDistinct([job.output, job.pca], imagePaths);
	if (job.output !== undefined && imagePaths.length > 1) {
		throw new UserError('A .npy file holds the map of one image; give one image, or --pca only.');
	}
	const images: Raster<3>[] = [];
	for (const path of imagePaths) {
		images.push(await readImage(path));
	}
	const { model, features } = await chosenModel(job);
	const engine = await openEngine(model, { device: job.device, threads: job.threads, features });
	try {
		const maps: DescriptorMap[] = [];
		for (const image of images) {
			maps.push(await engine.extractor.extract(image));
		}
		const [map] = maps;
		if (job.output !== undefined && map !== undefined) {
			await writeFileAtomically(job.output, formatNpy(map.data, [1, map.channels, map.height, map.width]));
		}
		if (job.pca !== undefined) {
			const pictures = principalComponents(maps);
			const [only] = pictures;
			await writeImage(
				job.pca,
				pictures.length === 1 && only !== undefined ? only : await aboveEachOther(images, pictures),
			);
		}
	} finally {
		await engine.close();
	}
};

/** Height of each image in the picture of several, in pixels. */
const ROW_HEIGHT = 320;
const GAP = 8;

const aboveEachOther = async (
	images: readonly Raster<3>[],
	components: readonly Raster<3>[],
): Promise<Raster<3>> => {
	const widths = images.map(({ width, height }) => Math.max(1, Math.round((width * ROW_HEIGHT) / height)));
	const lefts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width + GAP, 0));
	const tile = async (image: Raster<3>, index: number, row: number) => ({
		input: await loadSharp()(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
			.resize(widths[index], ROW_HEIGHT, { fit: 'fill', kernel: row === 0 ? 'lanczos3' : 'nearest' })
			.png({ compressionLevel: 1 })
			.toBuffer(),
		left: lefts[index] ?? 0,
		top: row * (ROW_HEIGHT + GAP),
	});
	const width = widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1);
	const height = 2 * ROW_HEIGHT + GAP;
	const { data, info } = await loadSharp()({ create: { width, height, channels: 3, background: '#ffffff' } })
		.composite([
			...(await Promise.all(images.map((image, i) => tile(image, i, 0)))),
			...(await Promise.all(components.map((image, i) => tile(image, i, 1)))),
		])
		.removeAlpha()
		.raw()
		.toBuffer({ resolveWithObject: true });
	return { width: info.width, height: info.height, channels: 3, data };
};
