import { mkdir, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { UserError } from '../errors.js';
import { writeFailure, writeFileAtomically } from './atomic-file.js';
import { matteOf } from './compositing.js';
import type { LabelMap } from './frame.js';
import { frameFileName } from './frame-folder.js';
import { loadSharp } from './sharp.js';
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
	const all = (act: (sink: VideoSink, id: number) => Promise<void>) => async () => {
		await Promise.all([...sinks].map(([id, sink]) => act(sink, id)));
	};
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
		write: ({ frame, labels }: FrameResult) =>
			all((sink, id) => sink.write({ frame, labels: onlyObject(labels, id) }))(),
		finish: all((sink) => sink.finish()),
		abort,
	};
};

const onlyObject = (labels: LabelMap, id: number): LabelMap => ({
	...labels,
	ids: labels.ids.map((value) => (value === id ? id : 0)),
});

/** A folder of grey PNGs, 255 in the object and 0 outside, for each frame. */
export const openMattePngs = async (folder: string, existing: Existing): Promise<VideoSink> => {
	try {
		await mkdir(folder, { recursive: true });
		const present = (await readdir(folder)).filter((name) => name.endsWith('.png'));
		if (present.length > 0 && existing === 'refuse') {
			throw new UserError(
				`"${folder}" holds ${present.length} images already; choose another folder, or add --overwrite.`,
			);
		}
	} catch (error) {
		throw writeFailure(folder, error);
	}
	const sharp = loadSharp();
	return {
		write: async ({ frame, labels }) => {
			const { data, width, height } = matteOf(labels);
			const png = await sharp(data, { raw: { width, height, channels: 1 } })
				.toColourspace('b-w')
				.png()
				.toBuffer();
			await writeFileAtomically(join(folder, frameFileName(frame.index)), png);
		},
		finish: async () => {},
		abort: async () => {},
	};
};
