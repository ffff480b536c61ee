import type { Size } from '../../core/size.js';
import { frameFileName } from '../../media/frame-names.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { openObjectFile } from './by-object.js';
import { compressRunLengths, objectArea, runLengths } from './run-length.js';

/**
 * A JSON file in the layout of YouTube-VIS (Yang et al. 2019, https://youtube-vos.org/dataset/vis/), as COCO's with videos in place
 * of images: one video, and an annotation for each object with its run lengths, area and box in every frame, null where it is not seen.
 */
export const openYoutubeVisFile = (
	path: string,
	objects: readonly number[],
	{ width, height }: Size,
	existing: Existing,
): Promise<VideoSink> => {
	const names: string[] = [];
	return openObjectFile(path, existing, objects, {
		see: ({ frame }) => {
			// As the masks of the frames are called.
			names.push(frameFileName(frame.number ?? frame.index));
		},
		begin: () => {
			const video = { id: 1, width, height, length: names.length, file_names: names };
			const categories = objects.map((id) => ({ id, name: `object ${id}`, supercategory: 'object' }));
			return `{\n"videos": [${JSON.stringify(video)}],\n"categories": ${JSON.stringify(categories)},\n"annotations": [`;
		},
		async *object(id, frames) {
			const [areas, boxes]: [(number | null)[], (readonly number[] | null)[]] = [[], []];
			const about = { id, video_id: 1, category_id: id, iscrowd: 0, width, height, length: names.length };
			yield `${JSON.stringify(about).slice(0, -1)},"segmentations":[`;
			for await (const { labels } of frames) {
				const { area, box } = objectArea(labels, id);
				const mask = {
					size: [labels.height, labels.width],
					counts: area > 0 ? compressRunLengths(runLengths(labels, id)) : '',
				};
				yield `${areas.length === 0 ? '' : ','}\n${area > 0 ? JSON.stringify(mask) : 'null'}`;
				areas.push(area > 0 ? area : null);
				boxes.push(area > 0 ? box : null);
			}
			yield `],"areas":${JSON.stringify(areas)},"bboxes":${JSON.stringify(boxes)}}`;
		},
		end: () => '\n]\n}\n',
	});
};
