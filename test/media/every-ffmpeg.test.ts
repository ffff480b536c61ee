import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Frame, LabelMap } from '../../src/core/frame.js';
import { openClip } from '../../src/media/clip.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { listFormats, resolveFormat } from '../../src/output/output-format.js';
import { collect } from '../helpers/collect.js';
import { ffmpeg as bundled, makeClip } from '../helpers/ffmpeg.js';
import { ffmpegs } from '../helpers/ffmpegs.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** 2018 to today: options have come and gone, and words have changed. */
const patience = 300_000;

const [width, height] = [64, 48];

const box: LabelMap = {
	...{ width, height, palette: davisPalette },
	ids: Uint8Array.from({ length: width * height }, (_, at) => (at % width < 20 ? 1 : 0)),
};

const frameAt = (index: number, timeSeconds: number): Frame => ({
	...{ index, timeSeconds },
	image: { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(90 + index) },
});

const videoFormats = listFormats()
	.filter(({ kind }) => kind === 'video')
	.map(({ name }) => name);

describe.each(ffmpegs)('ffmpeg $version', ({ path: program }) => {
	const open = (path: string) => openClip(path, { ffmpeg: program });

	test(
		'shows turned, stretched and mirrored pictures as the file wants it',
		async () => {
			const folder = temporaryFolder();
			const flat = await makeClip(
				join(folder, 'flat.mp4'),
				'color=red:s=64x32:r=10:d=0.3,drawbox=x=iw/2:w=iw:h=ih:c=blue:t=fill',
				...['-pix_fmt', 'yuv420p'],
			);
			// The bundled ffmpeg writes the tag the wrong way round: 270 makes a display matrix of 90° clockwise.
			await bundled('-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=270', join(folder, 'turned.mp4'));
			const turned = await open(join(folder, 'turned.mp4'));
			expect(turned.info).toMatchObject({ width: 32, height: 64, frameRate: 10 });
			const [first] = await collect(turned.frames());
			// Left is up.
			expect([...(first?.image.data.subarray(0, 3) ?? [])]).toEqual([expect.closeTo(254, -1), 0, 0]);

			await makeClip(
				join(folder, 'wide.m2ts'),
				'testsrc2=s=64x32:r=25:d=1,setsar=2',
				...['-c:v', 'mpeg2video', '-q:v', '2'],
			);
			const wide = await open(join(folder, 'wide.m2ts'));
			// Of picture shapes MPEG-2 can only say 4:3, 16:9 and 2.21:1: the last is nearest to 4:1, and what the file wants.
			expect(wide.info).toMatchObject({ width: 71, height: 32, stored: { width: 64, height: 32 } });
			expect((await collect(wide.frames())).map(({ image }) => image.width)).toContain(71);
		},
		patience,
	);

	test(
		'tells colours, rate and sound',
		async () => {
			const clip = await makeClip(
				join(temporaryFolder(), 'clip.mov'),
				'testsrc2=s=64x48:r=30000/1001:d=0.5',
				...['-f', 'lavfi', '-i', 'sine=d=0.5', '-pix_fmt', 'yuv420p', '-timecode', '01:00:00;00'],
				...['-colorspace', 'bt2020nc', '-color_primaries', 'bt2020', '-color_trc', 'bt2020-10'],
			);
			expect((await open(clip)).info).toMatchObject({
				rate: { numerator: 30000, denominator: 1001 },
				tickSeconds: 1 / 30000,
				colour: { matrix: 'bt2020nc', primaries: 'bt2020', transfer: 'bt2020-10' },
				hasAudio: true,
				audioCodec: 'aac',
				timecode: '01:00:00;00',
			});
		},
		patience,
	);

	test(
		'reads pictures whose colours are tagged in ways that filters do not know',
		async () => {
			const folder = temporaryFolder();
			const plain = await makeClip(
				join(folder, 'plain.mp4'),
				'color=red:s=64x48:r=10:d=0.3',
				'-pix_fmt',
				'yuv420p',
			);
			// YCgCo, BT.2020 with constant luminance, SMPTE 2085, chroma-derived, ICtCp; logarithmic, gamma 2.8; PQ and HLG alone.
			const tags = ['matrix_coefficients', 'transfer_characteristics'].flatMap((name, at) =>
				(
					[
						[8, 10, 11, 13, 14],
						[5, 9, 10, 16, 18],
					][at] ?? []
				).map((value) => `${name}=${value}`),
			);
			for (const tag of tags) {
				const path = join(folder, `${tag}.mp4`);
				await bundled('-i', plain, '-c', 'copy', '-bsf:v', `h264_metadata=${tag}`, path);
				expect(await collect((await open(path)).frames()), tag).toHaveLength(3);
			}
		},
		patience,
	);

	test.each([
		// As PAL, NTSC, old analogue television, log footage and Motion JPEG have them.
		{ matrix: 'bt470bg', primaries: 'bt470bg', transfer: 'bt470bg' },
		{ matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'bt470m' },
		{ matrix: 'fcc', primaries: 'bt470m', transfer: 'gamma22' },
		{ matrix: 'bt470bg', primaries: 'ebu3213', transfer: 'gamma28' },
		{ matrix: 'bt709', primaries: 'film', transfer: 'log100' },
		{ matrix: 'smpte240m', primaries: 'smpte240m', transfer: 'smpte240m' },
		{ matrix: 'bt2020c', primaries: 'bt2020', transfer: 'bt2020-12' },
		{ matrix: 'ictcp', primaries: 'smpte432', transfer: 'iec61966-2-1' },
	])(
		'writes the colours of a clip with $matrix, $primaries, $transfer',
		async (colour) => {
			const info: ClipInfo = {
				...{ width, height, frameRate: 25, rate: { numerator: 25, denominator: 1 }, tickSeconds: 0.04 },
				...{ estimatedFrames: undefined, durationSeconds: undefined, hasAudio: false },
				colour: { range: 'tv', ...colour },
			};
			for (const name of ['overlay.mp4', 'alpha.mov', 'alpha.webm']) {
				const path = join(temporaryFolder(), name);
				const sink = await openSink(await resolveFormat(path), { clip: info, ffmpeg: program });
				await sink.write({ frame: frameAt(0, 0), labels: box });
				await sink.finish();
				expect((await open(path)).info).toMatchObject({ width, height });
			}
		},
		patience,
	);

	test.each(videoFormats)(
		'writes %s: every frame, at its time, in the colours of the clip',
		async (name) => {
			const path = join(temporaryFolder(), name);
			const info: ClipInfo = {
				...{ width, height, frameRate: 24000 / 1001, rate: { numerator: 24000, denominator: 1001 } },
				...{ tickSeconds: 0.001, estimatedFrames: undefined, durationSeconds: undefined, hasAudio: false },
				colour: { range: 'tv', matrix: 'bt2020nc', primaries: 'bt2020', transfer: 'bt2020-10' },
				timecode: '10:00:00:00',
			};
			const sink = await openSink(await resolveFormat(path), { clip: info, ffmpeg: program });
			const times = Array.from({ length: 9 }, (_, n) => Math.round((n * 1001) / 24) / 1000);
			for (const [index, time] of times.entries()) {
				await sink.write({ frame: frameAt(index, time), labels: box });
			}
			await sink.finish();

			const clip = await open(path);
			const frames = await collect(clip.frames());
			const tolerance = /\.(mkv|webm)$/.test(name) ? 3 : 6;
			expect(frames.map(({ timeSeconds }) => timeSeconds)).toEqual(
				times.map((_, n) => expect.closeTo((n * 1001) / 24000, tolerance)),
			);
			expect(clip.info).toMatchObject({ width, height, rate: { numerator: 24000, denominator: 1001 } });
			if (/\.(mov|mkv|webm)$/.test(name)) {
				expect(clip.info.timecode).toBe('10:00:00:00');
			}
			if (/^(overlay|edit|checkerboard|greenscreen)|^alpha\.(mov|webm)/.test(name)) {
				expect(clip.info.colour).toMatchObject({ matrix: 'bt2020nc', primaries: 'bt2020' });
			}
			const [r = 0, g = 0, b = 0] = frames[0]?.image.data.subarray(0, 3) ?? [];
			expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(name.startsWith('overlay') ? 256 : 200);
		},
		patience,
	);

	test(
		'opens nothing that a file refers to',
		async () => {
			const folder = temporaryFolder();
			await makeClip(join(folder, 'secret.mp4'), 'testsrc2=s=64x48:r=10:d=0.3', '-pix_fmt', 'yuv420p');
			const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${join(folder, 'secret.mp4')}\n#EXT-X-ENDLIST\n`;
			const tag = Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x0a0123456789', 'latin1');
			const { writeFile } = await import('node:fs/promises');
			for (const name of ['abs.mp4', 'abs.m3u8']) {
				await writeFile(join(folder, name), Buffer.concat([tag, Buffer.from(playlist)]));
				await expect(open(join(folder, name))).rejects.toThrow(/not a video|index/);
			}
		},
		patience,
	);
});
