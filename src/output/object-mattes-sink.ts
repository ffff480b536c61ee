import { extname } from 'node:path';
import type { WrittenFile } from '../core/atomic-file.js';
import { LabelSpool } from './label-spool.js';
import type { FrameResult, VideoSink } from './video-sink.js';

/** `mattes.mp4` -> `mattes-2.mp4`: the file of object 2. */
export const objectPath = (path: string, id: number): string => {
	const extension = extname(path);
	return `${path.slice(0, path.length - extension.length)}-${id}${extension}`;
};

/**
 * A sink for each object, which is shown as if it were the only one. They are at work in groups: the first while frames come, the
 * others one after the other at the end, from masks that were put aside. Sinks may look at masks, mattes and times only.
 *
 * @param atOnce sinks that may be at work at a time; an encoder takes some 50 MB
 */
export const openObjectSinks = async (
	objects: readonly number[],
	open: (id: number) => Promise<VideoSink>,
	atOnce = Number.POSITIVE_INFINITY,
): Promise<VideoSink> => {
	const sinks: ObjectSink[] = [];
	const abort = async (): Promise<void> => {
		await Promise.all(sinks.map(({ sink }) => sink.abort()));
	};
	try {
		// All of them, so that a place that is taken is known before any work.
		for (const id of objects) {
			sinks.push({ id, sink: await open(id) });
		}
	} catch (error) {
		await abort();
		throw error;
	}
	const group = sinks.slice(0, atOnce);
	const spool =
		sinks.length > group.length ? await LabelSpool.open(sinks.slice(atOnce).map(({ id }) => id)) : undefined;
	return {
		write: async (result) => {
			await Promise.all([writeObjects(group, result), spool?.add(result)]);
		},
		finish: async () => {
			try {
				const files = await finishAll(group);
				for (let at = group.length; spool && at < sinks.length; at += atOnce) {
					const next = sinks.slice(at, at + atOnce);
					for await (const result of spool.results(next.map(({ id }) => id))) {
						await writeObjects(next, result);
					}
					files.push(...(await finishAll(next)));
				}
				return files;
			} finally {
				await spool?.close();
			}
		},
		abort: async () => {
			await abort();
			await spool?.close();
		},
	};
};

type ObjectSink = { readonly id: number; readonly sink: VideoSink };

const writeObjects = async (sinks: readonly ObjectSink[], result: FrameResult): Promise<void> => {
	await Promise.all(sinks.map(({ id, sink }) => sink.write(onlyObject(result, id))));
};

const finishAll = async (sinks: readonly ObjectSink[]): Promise<WrittenFile[]> =>
	(await Promise.all(sinks.map(({ sink }) => sink.finish()))).flat();

const onlyObject = ({ frame, labels, mattes }: FrameResult, id: number): FrameResult => ({
	frame,
	labels: { ...labels, ids: idsOfObject(labels.ids, id) },
	mattes: mattes && { ...mattes, all: mattes.of(id) },
});

const idsOfObject = (ids: Uint8Array, id: number): Uint8Array => {
	const own = new Uint8Array(ids.length);
	for (let at = ids.indexOf(id); at >= 0 && at < ids.length; at++) {
		if (ids[at] === id) {
			own[at] = id;
		}
	}
	return own;
};
