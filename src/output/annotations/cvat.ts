import type { LabelMap } from '../../core/frame.js';
import type { Size } from '../../core/size.js';
import { GrowingFile } from '../growing-file.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { objectArea } from './run-length.js';

/** A mask of one frame, which is shown in no other. */
type Shown = { readonly id: number; readonly frame: number; readonly mask: string };

/**
 * An XML file in the layout "CVAT for video 1.1" (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/). CVAT has no tracks of
 * masks: each mask is a track of its own that ends with its frame, as CVAT itself writes them. Whose it is say its label and its group.
 */
export const openCvatFile = async (
	path: string,
	objects: readonly number[],
	{ width, height }: Size,
	existing: Existing,
): Promise<VideoSink> => {
	const file = await GrowingFile.open(path, existing);
	const labels = objects.map(
		(id) => `<label><name>object ${id}</name><type>mask</type><attributes></attributes></label>`,
	);
	await file.append(
		[
			'<?xml version="1.0" encoding="utf-8"?>',
			'<annotations>',
			'<version>1.1</version>',
			`<meta><task><mode>interpolation</mode><start_frame>0</start_frame><labels>${labels.join('')}</labels>`,
			`<original_size><width>${width}</width><height>${height}</height></original_size></task></meta>`,
			'',
		].join('\n'),
	);
	let tracks = 0;
	let last: readonly Shown[] = [];
	/** Masks are written when it is known whether there is another frame for them to end in. */
	const tell = async (hasNext: boolean): Promise<void> => {
		for (const { id, frame, mask } of last) {
			const shape = (at: number, outside: 0 | 1): string =>
				`<mask frame="${at}" keyframe="1" outside="${outside}" occluded="0" ${mask} z_order="0"></mask>`;
			await file.append(
				`<track id="${tracks++}" label="object ${id}" source="file" group_id="${id}">${shape(frame, 0)}${hasNext ? shape(frame + 1, 1) : ''}</track>\n`,
			);
		}
	};
	return {
		write: async ({ frame, labels }) => {
			await tell(true);
			last = objects.flatMap((id) => {
				const mask = maskAttributes(labels, id);
				return mask === undefined ? [] : [{ id, frame: frame.index, mask }];
			});
		},
		finish: async () => {
			await tell(false);
			await file.append('</annotations>\n');
			return [await file.finish()];
		},
		abort: () => file.abort(),
	};
};

/** The box, and in it the lengths of runs along the rows, outside and inside by turns, outside first; undefined when nothing is seen. */
const maskAttributes = (labels: LabelMap, id: number): string | undefined => {
	const { area, box } = objectArea(labels, id);
	if (area === 0) {
		return undefined;
	}
	const [left, top, width, height] = box;
	const runs: number[] = [];
	let [inside, length] = [false, 0];
	for (let y = top; y < top + height; y++) {
		for (let x = left; x < left + width; x++) {
			if ((labels.ids[y * labels.width + x] === id) !== inside) {
				runs.push(length);
				[inside, length] = [!inside, 0];
			}
			length++;
		}
	}
	runs.push(length);
	return `rle="${runs.join(', ')}" left="${left}" top="${top}" width="${width}" height="${height}"`;
};
