import { GrowingFile } from '../growing-file.js';
import { LabelSpool } from '../label-spool.js';
import type { Existing, FrameResult, VideoSink } from '../video-sink.js';

/** A frame as it is told of in a file of annotations. */
type AnnotatedFrame = Pick<FrameResult, 'labels'> & {
	/** From 0, among those of the run. */
	readonly index: number;
	readonly timeSeconds: number;
};

/** What a file consists of that tells of one object after the other; each part is its text, piece by piece. */
type ObjectParts = {
	/** Told of each frame as it comes, before anything is written. */
	see?(result: FrameResult): void;
	begin(): string;
	/** @param frames all of the run, in order; they can be gone through once */
	object(id: number, frames: AsyncIterable<AnnotatedFrame>): AsyncIterable<string>;
	end(): string;
};

/**
 * A text file that tells of each object through all frames, though frames come one after the other: their masks are put aside in a
 * temporary file, so memory does not grow with them.
 *
 * @throws UserError as {@link GrowingFile.open}
 */
export const openObjectFile = async (
	path: string,
	existing: Existing,
	objects: readonly number[],
	parts: ObjectParts,
): Promise<VideoSink> => {
	const file = await GrowingFile.open(path, existing);
	const spool = await LabelSpool.open([]).catch(async (error: unknown) => {
		await file.abort();
		throw error;
	});
	async function* frames(): AsyncGenerator<AnnotatedFrame> {
		for await (const { frame, labels } of spool.results([])) {
			yield { labels, index: frame.index, timeSeconds: frame.timeSeconds };
		}
	}
	return {
		write: async (result) => {
			parts.see?.(result);
			await spool.add({ ...result, mattes: undefined });
		},
		finish: async () => {
			try {
				await file.append(parts.begin());
				for (const [at, id] of objects.entries()) {
					await file.append(at === 0 ? '\n' : ',\n');
					for await (const text of parts.object(id, frames())) {
						await file.append(text);
					}
				}
				await file.append(parts.end());
			} finally {
				await spool.close();
			}
			return [await file.finish()];
		},
		abort: async () => {
			await file.abort();
			await spool.close();
		},
	};
};
