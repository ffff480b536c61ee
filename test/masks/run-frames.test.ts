import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Clip, openClip } from '../../src/media/clip.js';
import { RunFrames } from '../../src/media/run-frames.js';
import { collect } from '../helpers/collect.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, slidingSquare, writeScene } from '../helpers/textured-clip.js';

/** A clip that tells which frames were decoded. */
const watched = async (frames: number): Promise<{ clip: Clip; decoded: number[] }> => {
	const folder = join(temporaryFolder(), 'frames');
	await writeScene(folder, slidingSquare, frames);
	const clip = await openClip(folder);
	const decoded: number[] = [];
	return {
		decoded,
		clip: {
			...clip,
			async *frames(options) {
				const first = options?.start && 'frame' in options.start ? options.start.frame : 0;
				for await (const frame of clip.frames(options)) {
					decoded.push(first + frame.index);
					yield frame;
				}
			},
		},
	};
};

describe('the frames of a run', () => {
	it('have the numbers of the run, forwards and backwards', async () => {
		const { clip } = await watched(9);
		const frames = new RunFrames(clip, { start: { frame: 2 } }, false);
		const forwards = await collect(frames.between(1, 4));
		const backwards = await collect(frames.backwards(3, 1));
		expect(forwards.map(({ index }) => index)).toEqual([1, 2, 3]);
		expect(backwards.map(({ index }) => index)).toEqual([3, 2, 1]);
		expect(
			Buffer.from(drawScene(slidingSquare, 3).image.data).equals(forwards[0]?.image.data ?? new Uint8Array()),
		).toBe(true);
		expect(backwards[2]?.image.data).toEqual(forwards[0]?.image.data);
	});

	it('are decoded once for several readers', async () => {
		const { clip, decoded } = await watched(9);
		const frames = new RunFrames(clip, {}, true);
		await collect(frames.between(0, 5));
		const back = await collect(frames.backwards(8, 2));
		const again = await collect(frames.between(0, 9));
		expect(decoded).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
		expect(back.map(({ index }) => index)).toEqual([8, 7, 6, 5, 4, 3, 2]);
		expect(again.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
	});

	it('are decoded again where they are asked for by number, neighbours together', async () => {
		const { clip, decoded } = await watched(9);
		const frames = new RunFrames(clip, {}, false);
		const found = await collect(frames.only([7, 2, 6, 2]));
		expect(found.map(({ index }) => index)).toEqual([2, 6, 7]);
		expect(decoded).toEqual([2, 6, 7]);
	});
});
