import type { LabelMap } from '../../core/frame.js';
import { encodeDeepGreyPng } from '../../media/image.js';
import { GrowingFile } from '../growing-file.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { compressRunLengths, objectArea, runLengths } from './run-length.js';

/** What things are is not known here, so all are of the first class; ids of MOTS begin with that of the class. */
const CLASS = 1;
const idOf = (object: number): number => CLASS * 1000 + object;

/**
 * A text file in the layout of MOTS (Voigtlaender et al. 2019, https://www.vision.rwth-aachen.de/page/mots): a line for each object in each
 * frame, `frame id class height width rle`, with COCO's compressed run lengths.
 */
export const openMotsFile = async (
	path: string,
	objects: readonly number[],
	existing: Existing,
): Promise<VideoSink> => {
	const file = await GrowingFile.open(path, existing);
	return {
		write: async ({ frame, labels }) => {
			const { width, height } = labels;
			for (const id of objects) {
				if (objectArea(labels, id).area > 0) {
					const rle = compressRunLengths(runLengths(labels, id));
					const line = [frame.number ?? frame.index, idOf(id), CLASS, height, width, rle];
					await file.append(`${line.join(' ')}\n`);
				}
			}
		},
		finish: async () => [await file.finish()],
		abort: () => file.abort(),
	};
};

/** The other form of MOTS: a grey PNG of 16 bits whose values are the same ids, 0 where nothing is. */
export const encodeMotsPng = ({ width, height, ids }: LabelMap): Promise<Buffer> =>
	encodeDeepGreyPng(
		{ width, height },
		Uint16Array.from(ids, (id) => (id === 0 ? 0 : idOf(id))),
	);
