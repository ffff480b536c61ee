import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../../src/core/frame.js';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { collect } from '../helpers/collect.js';
import { ffmpeg, makeClip } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

type OddVideo = {
	readonly file: string;
	readonly args?: readonly string[];
	readonly source?: string;
	readonly size?: readonly [width: number, height: number];
	readonly frames?: number;
	/** Whether a matte of it is made as well: where pictures or times are such as no other video's. What is decoded is RGB in any case. */
	readonly isWritten?: true;
};

const h265 = ['-c:v', 'libx265', '-x265-params', 'log-level=none'];

/** Made by ffmpeg from a test picture of 64 x 48, 10 frames a second, half a second long, unless said otherwise. */
const oddVideos: readonly OddVideo[] = [
	{
		file: 'one pixel.mkv',
		isWritten: true,
		source: 'testsrc2=s=64x48:r=10:d=0.5,scale=1:1',
		args: ['-c:v', 'ffv1'],
		size: [1, 1],
	},
	{ file: 'one frame.mp4', isWritten: true, args: ['-frames:v', '1', '-pix_fmt', 'yuv420p'], frames: 1 },
	{
		file: 'wide.mkv',
		isWritten: true,
		source: 'testsrc2=s=8192x64:r=10:d=0.2',
		args: ['-c:v', 'ffv1'],
		size: [8192, 64],
		frames: 2,
	},
	{ file: 'grey.mkv', args: ['-c:v', 'ffv1', '-pix_fmt', 'gray'] },
	{ file: 'grey of 16 bits.mkv', args: ['-c:v', 'ffv1', '-pix_fmt', 'gray16le'] },
	{
		file: 'palette.mov',
		source: 'testsrc2=s=64x48:r=10:d=0.5,format=rgb8,format=pal8',
		args: ['-c:v', 'png'],
	},
	{ file: 'rgb of 16 bits.mov', args: ['-c:v', 'png', '-pix_fmt', 'rgb48be'] },
	{ file: 'four four four.mp4', args: ['-pix_fmt', 'yuv444p'] },
	{ file: 'twelve bits.mkv', args: [...h265, '-pix_fmt', 'yuv444p12le'] },
	{ file: 'prores.mov', args: ['-c:v', 'prores_ks', '-pix_fmt', 'yuv422p10le'] },
	{ file: 'full range.avi', args: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'] },
	{ file: 'uncompressed.avi', args: ['-c:v', 'rawvideo', '-pix_fmt', 'yuyv422'] },
	{ file: 'raw.y4m', args: ['-pix_fmt', 'yuv420p'] },
	{
		file: 'interlaced.mpg',
		source: 'testsrc2=s=352x288:r=50:d=0.4,tinterlace=interleave_top',
		args: ['-flags', '+ilme+ildct', '-c:v', 'mpeg2video', '-b:v', '4M'],
		size: [352, 288],
		frames: 10,
	},
	{ file: 'stream.ts', args: ['-pix_fmt', 'yuv420p'] },
	{ file: 'fragments.mp4', args: ['-pix_fmt', 'yuv420p', '-movflags', 'frag_keyframe+empty_moov'] },
	{ file: 'animation.gif' },
	{ file: 'animation.apng', args: ['-plays', '0', '-f', 'apng'] },
	{ file: 'flash.flv', args: ['-c:v', 'flv1'] },
	{ file: 'theora.ogv', args: ['-c:v', 'libtheora'] },
	{ file: 'alpha.webm', args: ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p', '-auto-alt-ref', '0'] },
	{ file: 'before zero.mkv', isWritten: true, args: ['-c:v', 'ffv1', '-output_ts_offset', '-0.5'] },
	{
		file: 'stretched.mkv',
		isWritten: true,
		source: 'testsrc2=s=64x48:r=10:d=0.5,setsar=16/15',
		args: ['-c:v', 'ffv1'],
		size: [68, 48],
	},
	{
		file: 'squeezed.mkv',
		source: 'testsrc2=s=64x48:r=10:d=0.5,setsar=1/2',
		args: ['-c:v', 'ffv1'],
		size: [32, 48],
	},
	{
		file: 'fast.mp4',
		isWritten: true,
		source: 'testsrc2=s=64x48:r=120000/1001:d=0.25',
		args: ['-pix_fmt', 'yuv420p'],
		frames: 30,
	},
	{ file: 'slow.mp4', isWritten: true, source: 'testsrc2=s=64x48:r=1/5:d=25', args: ['-pix_fmt', 'yuv420p'] },
	...['smpte2084', 'arib-std-b67'].map((transfer) => ({
		file: `${transfer}.mkv`,
		source: 'testsrc2=s=64x48:r=10:d=0.5,scale=out_color_matrix=bt2020',
		args: [
			...['-c:v', 'libx265', '-pix_fmt', 'yuv420p10le', '-x265-params'],
			`log-level=none:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`,
		],
	})),
	// Names
	...[
		'-i.mp4',
		'it\'s “quoted” "twice".mp4',
		'a line\nbreak.mp4',
		'%d %05d %%.mp4',
		'Größe 日本語 🎬.mp4',
		'options?a=b&c:d,e=f;g|h.mp4',
		'concat:a|b.mp4',
		`${'x'.repeat(240)}.mp4`,
		'no extension',
	].map((file) => ({ file, args: ['-pix_fmt', 'yuv420p', '-f', 'mp4'] })),
];

const framesOf = async (path: string): Promise<Frame[]> => collect((await openClip(path)).frames());

describe('a video that is unusual, but a video', () => {
	test.each(oddVideos)(
		'$file',
		async ({ file, args = [], source, size = [64, 48], frames = 5, isWritten }) => {
			const path = join(temporaryFolder(), file);
			await makeClip(path, source ?? 'testsrc2=s=64x48:r=10:d=0.5', ...args);
			const clip = await openClip(path);
			expect([clip.info.width, clip.info.height]).toEqual(size);
			const decoded = await collect(clip.frames());
			expect(decoded).toHaveLength(frames);
			for (const [index, { image, timeSeconds }] of decoded.entries()) {
				expect(image.data).toHaveLength(size[0] * size[1] * 3);
				expect(timeSeconds).toBeCloseTo(index / clip.info.frameRate, 1.9);
			}

			if (!isWritten) {
				return;
			}
			// What is made of it has as many frames, of the same size.
			const output = join(temporaryFolder(), 'matte.mkv');
			const sink = await openSink(await resolveFormat(output), { clip: clip.info });
			for (const frame of decoded) {
				const [width, height] = size;
				const ids = new Uint8Array(width * height);
				await sink.write({ frame, labels: { width, height, ids, palette: davisPalette } });
			}
			await sink.finish();
			const written = await framesOf(output);
			expect(written).toHaveLength(frames);
			expect([written[0]?.image.width, written[0]?.image.height]).toEqual(size);
		},
	);

	test('with a cover: the video is taken, not the cover', async () => {
		const folder = temporaryFolder();
		const path = join(folder, 'covered.mp4');
		await ffmpeg(
			...[
				'-f',
				'lavfi',
				'-i',
				'testsrc2=s=64x48:r=10:d=0.5',
				'-f',
				'lavfi',
				'-i',
				'testsrc=s=100x100:d=0.04',
			],
			...['-map', '0', '-map', '1', '-c:v:0', 'libx264', '-pix_fmt:v:0', 'yuv420p', '-c:v:1', 'mjpeg'],
			...['-disposition:v:1', 'attached_pic', path],
		);
		expect((await openClip(path)).info).toMatchObject({ width: 64, height: 48 });
		expect(await framesOf(path)).toHaveLength(5);
	});

	test('with several video tracks: the first is taken', async () => {
		const path = join(temporaryFolder(), 'two.mkv');
		await ffmpeg(
			...[
				'-f',
				'lavfi',
				'-i',
				'testsrc2=s=64x48:r=10:d=0.5',
				'-f',
				'lavfi',
				'-i',
				'testsrc=s=128x96:r=10:d=1',
			],
			...['-map', '0', '-map', '1', '-c:v', 'ffv1', path],
		);
		expect((await openClip(path)).info).toMatchObject({ width: 64, height: 48 });
		expect(await framesOf(path)).toHaveLength(5);
	});

	test('whose size changes on the way keeps the size it began with', async () => {
		const folder = temporaryFolder();
		const [small, large, both] = ['small.ts', 'large.ts', 'both.ts'].map((name) => join(folder, name));
		if (small === undefined || large === undefined || both === undefined) {
			return;
		}
		const options = ['-c:v', 'mpeg2video', '-bf', '0'];
		await makeClip(small, 'testsrc2=s=64x48:r=10:d=0.5', ...options);
		await makeClip(large, 'testsrc2=s=128x96:r=10:d=0.5', ...options, '-output_ts_offset', '0.5');
		writeFileSync(both, Buffer.concat([readFileSync(small), readFileSync(large)]));
		const frames = await framesOf(both);
		expect(frames.length).toBeGreaterThanOrEqual(9);
		expect(frames.every(({ image }) => image.width === 64 && image.height === 48)).toBe(true);
	});
});

describe('a mirrored video is shown the right way round', () => {
	/** Red at the left, blue at the right, green on top. */
	const flag =
		'color=red:s=64x32:r=10:d=0.2,drawbox=x=iw/2:w=iw:h=ih:c=blue:t=fill,drawbox=h=8:w=iw:c=lime:t=fill';
	const colourAt = ({ image }: Frame, x: number, y: number): string => {
		const [red = 0, green = 0, blue = 0] = image.data.subarray((y * image.width + x) * 3);
		return red > 150 ? 'red' : green > 150 ? 'green' : blue > 150 ? 'blue' : 'none';
	};

	// The matrix a, b, c, d of the track header: x' = a x + c y, y' = b x + d y.
	test.each([
		['left and right', [-1, 0, 0, 1], { left: 'blue', right: 'red', top: 'green', bottom: undefined }],
		['top and bottom', [1, 0, 0, -1], { left: 'red', right: 'blue', top: undefined, bottom: 'green' }],
		['along the diagonal', [0, 1, 1, 0], { left: 'green', right: undefined, top: 'red', bottom: 'blue' }],
		[
			'along the other diagonal',
			[0, -1, -1, 0],
			{ left: undefined, right: 'green', top: 'blue', bottom: 'red' },
		],
	] as const)('%s', async (_, [a, b, c, d], sides) => {
		const folder = temporaryFolder();
		const plain = await makeClip(join(folder, 'plain.mp4'), flag, '-pix_fmt', 'yuv420p');
		const mirrored = join(folder, 'mirrored.mp4');
		copyFileSync(plain, mirrored);
		const bytes = readFileSync(mirrored);
		// Type, version and flags, dates, id, reserved, duration, reserved, layer, group, volume, reserved.
		const at = bytes.indexOf('tkhd') + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8;
		for (const [position, value] of [a, b, 0, c, d, 0].entries()) {
			bytes.writeInt32BE(value * 0x10000, at + position * 4);
		}
		writeFileSync(mirrored, bytes);

		const [frame] = await framesOf(mirrored);
		if (frame === undefined) {
			throw new Error('There is no frame.');
		}
		const { width, height } = frame.image;
		expect([width, height]).toEqual(a === 0 ? [32, 64] : [64, 32]);
		const found = {
			left: colourAt(frame, 2, Math.floor(height / 2)),
			right: colourAt(frame, width - 3, Math.floor(height / 2)),
			top: colourAt(frame, Math.floor(width / 2), 2),
			bottom: colourAt(frame, Math.floor(width / 2), height - 3),
		};
		for (const [side, colour] of Object.entries(sides)) {
			if (colour !== undefined) {
				expect(found[side as keyof typeof found], side).toBe(colour);
			}
		}
	});
});
