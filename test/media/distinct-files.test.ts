import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireDistinct } from '../../src/media/distinct-files.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const files = () => {
	const folder = temporaryFolder();
	const clip = join(folder, 'clip.mp4');
	const mask = join(folder, 'mask.png');
	const frames = join(folder, 'frames');
	mkdirSync(frames);
	writeFileSync(clip, 'clip');
	writeFileSync(mask, 'mask');
	writeFileSync(join(frames, '00000.png'), 'frame');
	return { folder, clip, mask, frames };
};

describe('what is read is never written', () => {
	test('neither under its own name nor through links', async () => {
		const { folder, clip, mask, frames } = files();
		const inputs = [clip, mask, frames, join(frames, '00000.png'), undefined];
		symlinkSync(clip, join(folder, 'soft.mp4'));
		linkSync(clip, join(folder, 'hard.mp4'));
		symlinkSync(frames, join(folder, 'linked'));
		mkdirSync(join(folder, 'sub'));
		for (const output of [
			clip,
			mask,
			frames,
			join(folder, 'soft.mp4'),
			join(folder, 'hard.mp4'),
			join(folder, 'linked'),
			join(folder, 'sub', '..', 'clip.mp4'),
			join(folder, 'linked', '00000.png'),
		]) {
			await expect(requireDistinct([output], inputs)).rejects.toThrow(/is an input/);
		}
		await expect(
			requireDistinct([join(folder, 'other.mp4'), join(folder, 'sub'), undefined], inputs),
		).resolves.toBeUndefined();
	});

	test('nor are pictures put among frames, where the next run would take them for frames', async () => {
		const { folder, frames } = files();
		symlinkSync(frames, join(folder, 'linked'));
		await expect(requireDistinct([join(frames, 'review.png')], [frames])).rejects.toThrow(/among the frames/);
		await expect(requireDistinct([join(folder, 'linked/review.jpg')], [frames])).rejects.toThrow(
			/among the frames/,
		);
		await expect(requireDistinct([join(frames, 'overlay.mp4')], [frames])).resolves.toBeUndefined();
		await expect(requireDistinct([join(frames, 'masks')], [frames])).resolves.toBeUndefined();
	});

	test('nor is a folder of frames written that holds a mask of the run', async () => {
		const { folder, frames } = files();
		const mask = join(frames, '00000.png');
		await expect(requireDistinct([frames], [mask])).rejects.toThrow(/lies in/);
		await expect(requireDistinct([folder], [join(folder, 'mask.png')])).resolves.toBeUndefined();
	});
});
