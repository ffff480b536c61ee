import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LabelMap } from '../../src/core/frame.js';
import { openClip } from '../../src/media/clip.js';
import { findFfmpeg } from '../../src/media/ffmpeg-binary.js';

type Size = { readonly width: number; readonly height: number };

/**
 * Writes a clip of any size and length: the source played forwards and backwards, over and over, scaled. H.264 at a
 * quality that leaves no blocks to be tracked.
 */
export const writeLoopedClip = async (
	source: string,
	target: string,
	{ width, height }: Size,
	frames: number,
): Promise<void> => {
	const { sourceFrames, frameRate } = await measured(source);
	// The two ends are not shown twice.
	const cycle = 2 * sourceFrames - 2;
	const filters = [
		`[0:v]split[there][again]`,
		`[again]reverse,trim=start_frame=1:end_frame=${sourceFrames - 1},setpts=PTS-STARTPTS[back]`,
		`[there][back]concat,loop=loop=-1:size=${cycle},trim=end_frame=${frames},setpts=N/(${frameRate}*TB),scale=${width}:${height}:flags=bicubic[out]`,
	].join(';');
	const encoding = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '17', '-pix_fmt', 'yuv420p'];
	const { path } = await findFfmpeg();
	await promisify(execFile)(path, [
		...['-v', 'error', '-y', '-i', source, '-filter_complex', filters, '-map', '[out]', '-an'],
		...[...encoding, target],
	]);
};

const measured = async (source: string): Promise<{ sourceFrames: number; frameRate: number }> => {
	const clip = await openClip(source);
	let sourceFrames = 0;
	for await (const _ of clip.frames({})) {
		sourceFrames++;
	}
	return { sourceFrames, frameRate: clip.info.frameRate };
};

/** A mask of another size; each pixel is its nearest. */
export const scaledMask = (mask: LabelMap, { width, height }: Size): LabelMap => {
	const ids = new Uint8Array(width * height);
	for (let y = 0; y < height; y++) {
		const fromY = Math.floor(((y + 0.5) * mask.height) / height);
		for (let x = 0; x < width; x++) {
			const fromX = Math.floor(((x + 0.5) * mask.width) / width);
			ids[y * width + x] = mask.ids[fromY * mask.width + fromX]!;
		}
	}
	return { ...mask, width, height, ids };
};

/** All that is marked, cut from left to right into so many objects of equal area. */
export const cutMask = (mask: LabelMap, objects: number): LabelMap => {
	const { width, height } = mask;
	const ids = new Uint8Array(mask.ids.length);
	const marked = mask.ids.reduce((count, id) => count + (id > 0 ? 1 : 0), 0);
	let seen = 0;
	for (let x = 0; x < width; x++) {
		for (let y = 0; y < height; y++) {
			const at = y * width + x;
			if (mask.ids[at]! > 0) {
				ids[at] = 1 + Math.floor((seen++ * objects) / marked);
			}
		}
	}
	return { ...mask, ids };
};
