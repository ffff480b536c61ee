import type { LabelMap } from '../../core/frame.js';
import { frameFileName } from '../../media/frame-names.js';
import { GrowingFile } from '../growing-file.js';
import type { Existing, FrameResult, VideoSink } from '../video-sink.js';
import { objectPolygons } from './object-polygons.js';
import { compressRunLengths, objectArea, runLengths } from './run-length.js';

/** How an object's pixels are told. */
type Segmentation = 'rle' | 'polygons';

/**
 * A JSON file in the layout of the COCO data set (https://cocodataset.org/#format-data): an image for each frame, an
 * annotation for each object that is seen in it, a category for each object. Annotations go to the file frame by
 * frame, so memory holds only a line for each frame.
 */
export const openCocoFile = async (
	path: string,
	segmentation: Segmentation,
	objects: readonly number[],
	existing: Existing,
): Promise<VideoSink> => {
	const file = await GrowingFile.open(path, existing);
	await file.append('{\n"annotations": [');
	const images: string[] = [];
	let annotations = 0;
	return {
		write: async ({ frame, labels }: FrameResult) => {
			const imageId = frame.index + 1;
			images.push(
				JSON.stringify({
					id: imageId,
					// As the masks of the frames are called.
					file_name: frameFileName(frame.number ?? frame.index),
					...{ width: labels.width, height: labels.height },
					...{ frame: frame.index, time: frame.timeSeconds },
				}),
			);
			for (const id of objects) {
				const { area, box } = objectArea(labels, id);
				if (area > 0) {
					const annotation = {
						...{ id: ++annotations, image_id: imageId, category_id: id, track_id: id },
						...{ area, bbox: box, iscrowd: 0 },
						segmentation: segmentationOf(labels, id, segmentation),
					};
					await file.append(`${annotations > 1 ? ',' : ''}\n${JSON.stringify(annotation)}`);
				}
			}
		},
		finish: async () => {
			const categories = objects.map((id) =>
				JSON.stringify({ id, name: `object ${id}`, supercategory: 'object' }),
			);
			await file.append(
				`\n],\n"images": [\n${images.join(',\n')}\n],\n"categories": [\n${categories.join(',\n')}\n]\n}\n`,
			);
			return [await file.finish()];
		},
		abort: () => file.abort(),
	};
};

const segmentationOf = (labels: LabelMap, id: number, segmentation: Segmentation): unknown =>
	segmentation === 'rle'
		? { size: [labels.height, labels.width], counts: compressRunLengths(runLengths(labels, id)) }
		: objectPolygons(labels, id).map((polygon) => polygon.flat());
