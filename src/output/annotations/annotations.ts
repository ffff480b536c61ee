import type { AnnotationLayout } from '../output-format.js';
import type { SinkOptions } from '../sink-options.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { openCocoFile } from './coco.js';
import { openCvatFile } from './cvat.js';
import { openLabelStudioFile } from './label-studio.js';
import { openMotsFile } from './mots.js';
import { openYoutubeVisFile } from './youtube-vis.js';

/**
 * Opens a file of masks as data.
 *
 * @param objects ids of all that may occur
 * @throws UserError as `GrowingFile.open`
 */
export const openAnnotations = (
	path: string,
	layout: AnnotationLayout,
	objects: readonly number[],
	existing: Existing,
	{ clip, clipName = 'clip' }: Pick<SinkOptions, 'clip' | 'clipName'>,
): Promise<VideoSink> => {
	switch (layout) {
		case 'coco-rle':
			return openCocoFile(path, 'rle', objects, existing);
		case 'coco-polygons':
			return openCocoFile(path, 'polygons', objects, existing);
		case 'youtube-vis':
			return openYoutubeVisFile(path, objects, clip, existing);
		case 'mots':
			return openMotsFile(path, objects, existing);
		case 'cvat':
			return openCvatFile(path, objects, clip, existing);
		case 'label-studio':
			return openLabelStudioFile(path, objects, clipName, clip, existing);
	}
};
