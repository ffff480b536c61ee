import { extname } from 'node:path';
import { matteOf } from './compositing.js';
import type { LabelMap } from './frame.js';
import { FrameFolder, frameFileName } from './frame-folder.js';
import { encodeImage } from './image.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

/** `mattes.mp4` -> `mattes-2.mp4`: the file of object 2. */
export const objectPath = (path: string, id: number): string => {
	const extension = extname(path);
	return `${path.slice(0, path.length - extension.length)}-${id}${extension}`;
};

/** A sink for each object, which is shown as if it were the only one. */
export const openObjectSinks = async (
	objects: readonly number[],
	open: (id: number) => Promise<VideoSink>,
): Promise<VideoSink> => {
	const sinks = new Map<number, VideoSink>();
	const all =
		<Result>(act: (sink: VideoSink, id: number) => Promise<Result>) =>
		(): Promise<Result[]> =>
			Promise.all([...sinks].map(([id, sink]) => act(sink, id)));
	const abort = all((sink) => sink.abort());
	try {
		for (const id of objects) {
			sinks.set(id, await open(id));
		}
	} catch (error) {
		await abort();
		throw error;
	}
	return {
		write: async ({ frame, labels }: FrameResult) => {
			await all((sink, id) => sink.write({ frame, labels: onlyObject(labels, id) }))();
		},
		finish: async () => (await all((sink) => sink.finish())()).flat(),
		abort: async () => {
			await abort();
		},
	};
};

const onlyObject = (labels: LabelMap, id: number): LabelMap => ({
	...labels,
	ids: labels.ids.map((value) => (value === id ? id : 0)),
});

/** A folder of grey PNGs, 255 in the object and 0 outside, for each frame. */
export const openMattePngs = async (path: string, existing: Existing): Promise<VideoSink> => {
	const folder = await FrameFolder.open(path, existing);
	return {
		write: async ({ frame, labels }) =>
			folder.write(frameFileName(frame.number ?? frame.index), await encodeImage('png', matteOf(labels))),
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
