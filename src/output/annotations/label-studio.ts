import type { Size } from '../../core/size.js';
import type { Existing, VideoSink } from '../video-sink.js';
import { openObjectFile } from './by-object.js';
import { objectArea } from './run-length.js';

/** So many digits behind the point of percentages: a hundredth of a pixel of the widest pictures. */
const DIGITS = 6;

/**
 * A task of Label Studio for a video (https://labelstud.io/tags/videorectangle): a box for each object, which it has in every frame that it is
 * seen in. There are boxes only, since Label Studio has no masks in videos. They are predictions, for people to correct.
 *
 * The labelling set-up that it goes with has `<Video name="video" value="$video"/>`, `<VideoRectangle name="box" toName="video"/>` and
 * `<Labels name="videoLabels" toName="video">` with a label `object 1` for object 1.
 *
 * @param clip what the task calls the video: a name, to be replaced by the address that Label Studio has it under
 */
export const openLabelStudioFile = (
	path: string,
	objects: readonly number[],
	clip: string,
	{ width, height }: Size,
	existing: Existing,
): Promise<VideoSink> => {
	let count = 0;
	let times: readonly [first: number, last: number] | undefined;
	const duration = (): number => {
		const [first, last] = times ?? [0, 0];
		// The last frame is shown as long as those before it on average.
		return count < 2 ? 0 : ((last - first) * count) / (count - 1);
	};
	const percent = (value: number, whole: number): number => Number(((100 * value) / whole).toFixed(DIGITS));
	return openObjectFile(path, existing, objects, {
		see: ({ frame: { timeSeconds } }) => {
			count++;
			times = [times?.[0] ?? timeSeconds, timeSeconds];
		},
		begin: () =>
			`[{"data":${JSON.stringify({ video: clip })},"predictions":[{"model_version":"propagate","result":[`,
		async *object(id, frames) {
			const about = { id: `object-${id}`, from_name: 'box', to_name: 'video', type: 'videorectangle' };
			const value = { framesCount: count, duration: duration(), labels: [`object ${id}`] };
			yield `${JSON.stringify(about).slice(0, -1)},"origin":"prediction","value":${JSON.stringify(value).slice(0, -1)},"sequence":[`;
			let separator = '\n';
			let last: Record<string, unknown> | undefined;
			/** Told when the next frame is known: where the object is gone after it, its span ends. */
			const told = (goesOn: boolean): string => {
				const text = last === undefined ? '' : `${separator}${JSON.stringify({ ...last, enabled: goesOn })}`;
				separator = last === undefined ? separator : ',\n';
				last = undefined;
				return text;
			};
			for await (const { labels, index, timeSeconds } of frames) {
				const { area, box } = objectArea(labels, id);
				yield told(area > 0);
				if (area > 0) {
					const [x, y, w, h] = box;
					last = {
						...{ frame: index + 1, time: timeSeconds, rotation: 0 },
						...{ x: percent(x, width), y: percent(y, height) },
						...{ width: percent(w, width), height: percent(h, height) },
					};
				}
			}
			yield `${told(false)}]}}`;
		},
		end: () => '\n]}]}]\n',
	});
};
