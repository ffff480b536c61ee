import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { collect } from '../helpers/collect.js';
import { ffprobeAvailable, ffprobeFrameTimes, ffprobeStreams } from '../helpers/ffmpeg.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Size as displayed, by hand from the stored size, pixel aspect ratio and rotation. */
const clips: Readonly<Record<string, [width: number, height: number]>> = {
	'bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4': [1138, 640],
	'bottle-detection.mp4': [640, 360],
	'bt601.mov': [640, 428],
	'bt709_full_range.mp4': [1280, 720],
	'corrupted.mp4': [1280, 720],
	'cursed-vfr.mp4': [3026, 1386],
	'dolbyVision-hdr.MOV': [720, 1280],
	'frog.webm': [720, 480],
	'iibbibb_editlist_videoonly.mp4': [704, 576],
	'nasa_13013.mp4': [320, 180],
	'rotate-buck-bunny.mp4': [1080, 1920],
	'sample.avi': [960, 400],
	'sample_android_slow_motion.mp4': [1280, 720],
	'sample_empty_track.mp4': [1080, 720],
	'sar_2x1.mp4': [1280, 360],
	'test_non_zero_start.mp4': [199, 112],
	'testsrc2_odd_height_and_width_444_10bit.mp4': [321, 241],
	'transparency-faulty.webm': [1920, 1080],
	'video_90.mov': [320, 568],
};

/** So many frames of a clip are written, too. */
const mostFrames = 16;

describe.skipIf(!sharedAvailable || !ffprobeAvailable)('awkward clips (needs ../shared and ffprobe)', () => {
	test.each(Object.entries(clips))('%s', async (name, [width, height]) => {
		const path = shared('data/clips', name);
		const expected = await ffprobeFrameTimes(path);
		const clip = await openClip(path);
		expect(clip.info).toMatchObject({ width, height });

		// Every frame is decoded, at its time from the beginning of the file.
		const times: number[] = [];
		const ids = new Uint8Array(width * height);
		const output = join(temporaryFolder(), 'matte.mp4');
		const sink = await openSink(await resolveFormat(output), { clip: clip.info });
		for await (const frame of clip.frames()) {
			times.push(frame.timeSeconds);
			expect(frame.image).toMatchObject({ width, height });
			if (frame.index < mostFrames) {
				await sink.write({ frame, labels: { width, height, ids, palette: davisPalette } });
			}
		}
		await sink.finish();
		expect(times).toHaveLength(expected.length);
		const begin = (expected[0] ?? 0) - (times[0] ?? 0);
		expect(times).toEqual(expected.map((time) => expect.closeTo(time - begin, 2.9)));

		// And what is written from it has the same frames at the same times.
		const [stream] = await ffprobeStreams(output);
		expect(stream).toMatchObject({ width, height });
		const written = await ffprobeFrameTimes(output);
		expect(written).toEqual(times.slice(0, mostFrames).map((time) => expect.closeTo(time, 2.9)));
	});

	test('a clip of 21,766 frames is read as a stream', async () => {
		const clip = await openClip(shared('data/clips/long_180p_av1.mp4'));
		expect(clip.info).toMatchObject({ width: 320, height: 180, frameRate: 60, estimatedFrames: 21766 });
		const frames = await collect(clip.frames({ start: { frame: 300 }, end: { frame: 310 } }));
		expect(frames.map((frame) => frame.timeSeconds)).toEqual(
			frames.map((_, n) => expect.closeTo((300 + n) / 60, 4)),
		);
	});

	test.each([
		['sample_audio_only.mp4', /has no video, only audio/],
		// Its box sizes are wrong, so that the index cannot be found; ffprobe gives up in the same way.
		['sample_malformed_free_box.mp4', /its index .* cannot be found/],
	])('%s is refused', async (name, reason) => {
		const error = await openClip(shared('data/clips', name)).catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(UserError);
		expect((error as Error).message).toMatch(reason);
	});
});
