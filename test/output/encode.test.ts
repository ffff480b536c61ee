import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import type { Frame, LabelMap } from '../../src/core/frame.js';
import { matteOf } from '../../src/mattes/mattes.js';
import { openClip } from '../../src/media/clip.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { openSink } from '../../src/output/encode.js';
import { listFormats, resolveFormat } from '../../src/output/output-format.js';
import type { SinkOptions } from '../../src/output/sink-options.js';
import { collect } from '../helpers/collect.js';
import { ffmpeg, ffprobeAvailable, ffprobeFrameTimes, ffprobeStreams, makeClip } from '../helpers/ffmpeg.js';
import { canMount, mountDisk } from '../helpers/small-disk.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Times as irregular as a phone's or a screen recorder's. */
const irregularTimes = [0, 0.04, 0.0801, 0.25, 0.2834, 1.25, 1.3];

const width = 64;
const height = 48;

/** A box that is object 2, moving right by 4 pixels a frame over a grey picture. */
const boxAt = (index: number, w = width, h = height): LabelMap => {
	const ids = new Uint8Array(w * h);
	for (let y = 8; y < 32; y++) {
		ids.fill(2, y * w + 4 + index * 4, y * w + 28 + index * 4);
	}
	return { width: w, height: h, ids, palette: davisPalette };
};

const greyFrame = (index: number, timeSeconds: number, w = width, h = height): Frame => ({
	index,
	timeSeconds,
	image: { width: w, height: h, channels: 3, data: new Uint8Array(w * h * 3).fill(120) },
});

const info: ClipInfo = {
	width,
	height,
	frameRate: 25,
	estimatedFrames: undefined,
	durationSeconds: undefined,
	hasAudio: false,
};

/** Writes the moving box at the given times and returns the file. */
const writeBox = async (
	path: string,
	{
		times = irregularTimes,
		size = [width, height],
		...options
	}: Partial<SinkOptions> & { times?: number[]; size?: [number, number] } = {},
): Promise<string> => {
	const sink = await openSink(await resolveFormat(path), { clip: info, ...options });
	try {
		for (const [index, time] of times.entries()) {
			await sink.write({ frame: greyFrame(index, time, ...size), labels: boxAt(index, ...size) });
		}
		await sink.finish();
	} catch (error) {
		await sink.abort();
		throw error;
	}
	return path;
};

/** Decodes with the bundled ffmpeg, VP9 with the decoder that knows alpha. */
const decodeRaw = (path: string, pixelFormat: string): Promise<Buffer> =>
	ffmpeg(
		...(path.endsWith('.webm') ? ['-c:v', 'libvpx-vp9'] : []),
		...['-i', path, '-vsync', 'passthrough', '-f', 'rawvideo', '-pix_fmt', pixelFormat, '-'],
	);

const videoFormats = listFormats()
	.filter(({ kind }) => kind === 'video')
	.map(({ name }) => name);

describe('every video format', () => {
	/** Matroska and WebM count milliseconds. */
	const digitsOf = (name: string): number => (/(mkv|webm)$/.test(name) ? 2.9 : 4);

	test.each(videoFormats)(
		'%s has exactly the frames that were written, each at its time, and the same bytes when made again',
		async (name) => {
			const folder = temporaryFolder();
			const path = await writeBox(join(folder, name));
			const times = irregularTimes.map((time) => expect.closeTo(time, digitsOf(name)));
			const clip = await openClip(path);
			const frames = await collect(clip.frames());
			expect(frames.map((frame) => frame.timeSeconds)).toEqual(times);
			expect(frames[0]?.image).toMatchObject({ width, height });
			// The last frame lasts as long as the one before it.
			expect(Number(clip.info.durationSeconds)).toBeCloseTo(1.35, 1.9);
			if (ffprobeAvailable) {
				expect(await ffprobeFrameTimes(path)).toEqual(times);
			}
			const again = await writeBox(join(folder, `again-${name}`));
			expect(readFileSync(again).equals(readFileSync(path))).toBe(true);
		},
	);

	test.each(videoFormats)(
		'%s keeps odd sizes, and begins where the source begins, not at 0',
		async (name) => {
			const times = [0.5, 0.54];
			const path = await writeBox(join(temporaryFolder(), name), { size: [65, 49], times });
			expect((await openClip(path)).info).toMatchObject({ width: 65, height: 49 });
			if (ffprobeAvailable) {
				expect(await ffprobeFrameTimes(path)).toEqual(times.map((time) => expect.closeTo(time, 2.9)));
			}
		},
	);
});

describe('the picture', () => {
	/** Value of one channel in the middle of the box (or left of it) in a frame. */
	const at = (pixels: Buffer, frame: number, x: number, y: number, channels: number): number[] => {
		const from = ((frame * height + y) * width + x) * channels;
		return [...pixels.subarray(from, from + channels)];
	};

	test.each(['matte.mp4', 'matte.mov', 'matte.mkv'])('%s is white inside and black outside', async (name) => {
		const pixels = await decodeRaw(await writeBox(join(temporaryFolder(), name)), 'gray');
		for (const frame of [0, 6]) {
			expect(at(pixels, frame, 16 + frame * 4, 20, 1)[0]).toBeGreaterThan(250);
			expect(at(pixels, frame, 60 - (6 - frame) * 1, 44, 1)[0]).toBeLessThan(5);
		}
	});

	test.each(['alpha.mov', 'alpha.webm', 'alpha.mkv', 'animation.mov'])(
		'%s is transparent outside, the picture inside',
		async (name) => {
			const pixels = await decodeRaw(await writeBox(join(temporaryFolder(), name)), 'rgba');
			const [red = 0, green = 0, blue = 0, alpha = 0] = at(pixels, 3, 28, 20, 4);
			for (const value of [red, green, blue]) {
				expect(Math.abs(value - 120)).toBeLessThanOrEqual(4);
			}
			expect(alpha).toBeGreaterThan(250);
			const [outsideRed = 0, , , outsideAlpha] = at(pixels, 3, 4, 44, 4);
			expect(outsideAlpha).toBeLessThan(5);
			// Straight alpha: the colours outside are still there.
			expect(Math.abs(outsideRed - 120)).toBeLessThanOrEqual(4);
		},
	);

	test('premultiplied colours are black where transparent', async () => {
		const path = await writeBox(join(temporaryFolder(), 'animation.mov'), { premultiplied: true });
		expect(at(await decodeRaw(path, 'rgba'), 3, 4, 44, 4)).toEqual([0, 0, 0, 0]);
	});

	test('a soft matte keeps its levels', async () => {
		const path = join(temporaryFolder(), 'matte.mkv');
		const sink = await openSink(await resolveFormat(path), { clip: info });
		const data = Uint16Array.from({ length: width * height }, (_, pixel) => (pixel % width) * 4);
		const matte = matteOf(
			{ width, height },
			data.map((value) => value * 257),
		);
		await sink.write({
			frame: greyFrame(0, 0),
			labels: boxAt(0),
			mattes: { all: matte, of: () => matte, coloursOf: (picture) => picture },
		});
		await sink.finish();
		expect(new Uint16Array(await decodeRaw(path, 'gray'))).toEqual(data);
	});

	test('the overlay outlines and tints the object in its colour and leaves the rest alone', async () => {
		const pixels = await decodeRaw(await writeBox(join(temporaryFolder(), 'overlay.mp4')), 'rgb24');
		const [outlineRed = 0, outlineGreen = 0] = at(pixels, 0, 12, 8, 3);
		expect(outlineGreen - outlineRed).toBeGreaterThan(60);
		const [insideRed = 0, insideGreen = 0] = at(pixels, 0, 16, 20, 3);
		expect(insideGreen - insideRed).toBeGreaterThan(30);
		const outside = at(pixels, 0, 56, 44, 3);
		for (const value of outside) {
			expect(Math.abs(value - 120)).toBeLessThanOrEqual(4);
		}
	});

	test('the previews show squares or green behind the object', async () => {
		const folder = temporaryFolder();
		const squares = await decodeRaw(await writeBox(join(folder, 'checkerboard.mp4')), 'gray');
		expect(at(squares, 0, 40, 40, 1)[0]).not.toBe(at(squares, 0, 56, 40, 1)[0]);
		const [red = 0, green = 0] = at(
			await decodeRaw(await writeBox(join(folder, 'greenscreen.mp4')), 'rgb24'),
			0,
			56,
			40,
			3,
		);
		expect(green - red).toBeGreaterThan(120);
	});
});

describe('sound', () => {
	const overlayWithSound = async (folder: string, source: string): Promise<string> => {
		const clip = await openClip(source);
		const path = join(folder, 'overlay.mp4');
		const sink = await openSink(await resolveFormat(path), { clip: clip.info, audioFrom: source });
		for await (const frame of clip.frames()) {
			await sink.write({ frame, labels: boxAt(frame.index) });
		}
		await sink.finish();
		return path;
	};

	test('comes along unchanged where the container takes it', async () => {
		const folder = temporaryFolder();
		const source = join(folder, 'source.mp4');
		await ffmpeg(
			...['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=10:d=1', '-f', 'lavfi', '-i', 'sine=d=1'],
			...['-pix_fmt', 'yuv420p', '-c:a', 'aac', source],
		);
		const path = await overlayWithSound(folder, source);
		const packets = (file: string) => ffmpeg('-i', file, '-map', '0:a', '-c', 'copy', '-f', 'framehash', '-');
		expect(String(await packets(path))).toBe(String(await packets(source)));
	});

	test('is coded anew where it does not', async () => {
		const folder = temporaryFolder();
		const source = join(folder, 'source.webm');
		await ffmpeg(
			...['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=10:d=1', '-f', 'lavfi', '-i', 'sine=d=1'],
			...['-c:v', 'libvpx', '-c:a', 'libvorbis', source],
		);
		const path = await overlayWithSound(folder, source);
		expect((await openClip(path)).info.audioCodec).toBe('aac');
	});

	test('of an excerpt begins and ends with it', async () => {
		const folder = temporaryFolder();
		const source = join(folder, 'source.mkv');
		// A second of silence, then a tone.
		await ffmpeg(
			...[
				'-f',
				'lavfi',
				'-i',
				'testsrc2=s=64x48:r=10:d=3',
				'-f',
				'lavfi',
				'-i',
				"aevalsrc='if(gt(t,1),sin(2000*t),0)':d=3",
			],
			...['-c:v', 'ffv1', '-c:a', 'aac', source],
		);
		const clip = await openClip(source);
		const path = join(folder, 'overlay.mp4');
		const sink = await openSink(await resolveFormat(path), {
			clip: clip.info,
			audioFrom: source,
			beginSeconds: 1.5,
			isExcerpt: true,
		});
		for await (const frame of clip.frames({ start: { seconds: 1.5 }, end: { seconds: 2.5 } })) {
			await sink.write({ frame, labels: boxAt(0) });
		}
		await sink.finish();
		const result = await openClip(path);
		expect(result.info.durationSeconds).toBeGreaterThan(0.9);
		expect(result.info.durationSeconds).toBeLessThan(1.3);
		const samples = await ffmpeg('-i', path, '-t', '0.2', '-ac', '1', '-f', 'f32le', '-');
		const loudest = Math.max(...new Float32Array(samples.buffer, samples.byteOffset, samples.length / 4));
		expect(loudest).toBeGreaterThan(0.5);
	});
});

describe('a PNG sequence', () => {
	test('has a file for each frame, with ids and palette', async () => {
		const folder = join(temporaryFolder(), 'masks');
		await writeBox(folder);
		expect(readdirSync(folder)).toEqual(irregularTimes.map((_, index) => `0000${index}.png`));
		const mask = await readLabelMap(join(folder, '00003.png'));
		expect(mask).toEqual(boxAt(3));
	});

	test('is not mixed with one that is there already, unless asked', async () => {
		const folder = join(temporaryFolder(), 'masks');
		await writeBox(folder);
		await expect(writeBox(folder)).rejects.toThrow(/holds 7 frames already.*--overwrite/);
		await writeBox(folder, { times: [0, 1], existing: 'overwrite' });
		expect(readdirSync(folder)).toEqual(['00000.png', '00001.png']);
		await writeBox(folder, { times: [0], existing: 'resume' });
		expect(readdirSync(folder)).toEqual(['00000.png', '00001.png']);
	});

	test('keeps finished frames when given up', async () => {
		const folder = join(temporaryFolder(), 'masks');
		const sink = await openSink(await resolveFormat(folder), { clip: info });
		await sink.write({ frame: greyFrame(0, 0), labels: boxAt(0) });
		await sink.write({ frame: greyFrame(1, 0.04), labels: boxAt(1) });
		await sink.abort();
		expect(readdirSync(folder)).toEqual(['00000.png', '00001.png']);
	});
});

describe('an output appears only when it is complete', () => {
	test('and has another name until then', async () => {
		const folder = temporaryFolder();
		const sink = await openSink(await resolveFormat(join(folder, 'matte.mp4')), { clip: info });
		await sink.write({ frame: greyFrame(0, 0), labels: boxAt(0) });
		expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.matte\.mp4\..*\.partial$/)]);
		await sink.finish();
		expect(readdirSync(folder)).toEqual(['matte.mp4']);
	});

	test('nothing stays when it is given up', async () => {
		const folder = temporaryFolder();
		const sink = await openSink(await resolveFormat(join(folder, 'matte.mp4')), { clip: info });
		await sink.write({ frame: greyFrame(0, 0), labels: boxAt(0) });
		await sink.abort();
		expect(readdirSync(folder)).toEqual([]);
	});

	test('an existing file is refused, and kept while its successor is made', async () => {
		const path = join(temporaryFolder(), 'matte.mp4');
		writeFileSync(path, 'precious');
		await expect(writeBox(path)).rejects.toThrow(/exists already; choose another name, or add --overwrite/);
		const sink = await openSink(await resolveFormat(path), { clip: info, existing: 'overwrite' });
		await sink.write({ frame: greyFrame(0, 0), labels: boxAt(0) });
		expect(readFileSync(path, 'utf8')).toBe('precious');
		await sink.finish();
		expect(readFileSync(path).length).toBeGreaterThan(100);
	});

	test.skipIf(!canMount).each(['matte.mp4', 'alpha.mov', 'alpha.mkv'])(
		'nothing stays of %s when the disk is full (needs root on Linux)',
		async (name) => {
			const { folder } = mountDisk('size=4k');
			const writing = writeBox(join(folder, name), {
				times: Array.from({ length: 60 }, (_, index) => index / 25),
				size: [320, 240],
			});
			await expect(writing).rejects.toThrow(/disk is full/);
			expect(readdirSync(folder)).toEqual([]);
		},
	);

	test('a place that cannot be written is refused before any work', async () => {
		const folder = temporaryFolder();
		writeFileSync(join(folder, 'file'), '');
		for (const output of [join(folder, 'file', 'matte.mp4'), join(folder, 'file', 'masks')]) {
			const error = await openSink(await resolveFormat(output), { clip: info }).catch(
				(reason: unknown) => reason,
			);
			expect(error).toBeInstanceOf(UserError);
			expect((error as Error).message).toContain('a part of its path is a file');
		}
	});

	test('when ffmpeg fails in the middle, writing says so and nothing stays', async () => {
		const folder = temporaryFolder();
		const cancel = new AbortController();
		const sink = await openSink(await resolveFormat(join(folder, 'matte.mp4')), {
			clip: info,
			signal: cancel.signal,
		});
		await sink.write({ frame: greyFrame(0, 0), labels: boxAt(0) });
		cancel.abort();
		const writing = (async () => {
			for (let index = 1; index < 1000; index++) {
				await sink.write({ frame: greyFrame(index, index), labels: boxAt(0) });
			}
			await sink.finish();
		})();
		await expect(writing).rejects.toThrow('Cancelled');
		await sink.abort();
		expect(readdirSync(folder)).toEqual([]);
	});
});

describe('choosing the format', () => {
	const chosen = async (output: string, format?: string): Promise<string> => {
		const choice = await resolveFormat(output, format);
		return `${choice.format.name} ${choice.path}`;
	};

	test('by the name of the output', async () => {
		expect(await chosen('out')).toBe('png out');
		expect(await chosen('out/')).toBe('png out/');
		expect(await chosen('clip/overlay.mp4')).toBe('overlay.mp4 clip/overlay.mp4');
		expect(await chosen('bear-overlay.MP4')).toBe('overlay.mp4 bear-overlay.MP4');
		expect(await chosen('bear.mp4')).toBe('matte.mp4 bear.mp4');
		expect(await chosen('bear.mov')).toBe('alpha.mov bear.mov');
		expect(await chosen('bear.webm')).toBe('alpha.webm bear.webm');
		const folder = join(temporaryFolder(), 'v1.5');
		mkdirSync(folder);
		expect(await chosen(folder)).toBe(`png ${folder}`);
	});

	test('by name', async () => {
		expect(await chosen('out', 'png')).toBe('png out');
		expect(await chosen('bear.mov', 'matte.mov')).toBe('matte.mov bear.mov');
		expect(await chosen('out', 'alpha.webm')).toBe(`alpha.webm ${join('out', 'alpha.webm')}`);
	});

	test('or not at all, with what there is', async () => {
		await expect(chosen('out.gif')).rejects.toThrow(
			/"out\.gif" ends in nothing that can be written; give a folder for PNGs, or a name that ends in \.mp4, \.mov/,
		);
		await expect(chosen('out', 'gif')).rejects.toThrow(/no format "gif"/);
		await expect(chosen('out.mp4', 'alpha.mov')).rejects.toThrow(/end the name in \.mov/);
		await expect(chosen('out.mp4', 'png')).rejects.toThrow(/each frame has one; give a folder/);
	});
});

describe.skipIf(!ffprobeAvailable)('ffprobe agrees (needs ffprobe)', () => {
	test.each(['matte.mp4', 'alpha.mov', 'alpha.mkv', 'alpha.webm'])(
		'%s keeps the rate 30000/1001',
		async (name) => {
			const times = Array.from({ length: 12 }, (_, index) => (index * 1001) / 30000);
			const [stream] = await ffprobeStreams(await writeBox(join(temporaryFolder(), name), { times }));
			expect(stream).toMatchObject({ avg_frame_rate: '30000/1001', r_frame_rate: '30000/1001' });
		},
	);

	test('the colour coding of the source is kept and tagged', async () => {
		const folder = temporaryFolder();
		const source = await makeClip(
			join(folder, 'source.mp4'),
			'color=0x28C850:s=64x48:r=5:d=0.4,format=gbrp,scale=out_color_matrix=bt709:out_range=pc,format=yuv420p',
			...['-colorspace', 'bt709', '-color_range', 'pc', '-crf', '1'],
		);
		for (const name of ['edit.mp4', 'alpha.mov', 'alpha.mkv']) {
			const clip = await openClip(source);
			const path = join(folder, name);
			const sink = await openSink(await resolveFormat(path), { clip: clip.info });
			for await (const frame of clip.frames()) {
				await sink.write({ frame, labels: boxAt(0) });
			}
			await sink.finish();
			const range = name === 'edit.mp4' ? 'pc' : 'tv';
			expect((await ffprobeStreams(path))[0]).toMatchObject({ color_range: range, color_space: 'bt709' });
			const [again] = await collect((await openClip(path)).frames());
			const [red = 0, green = 0, blue = 0] = again?.image.data ?? [];
			expect(Math.abs(red - 0x28)).toBeLessThan(6);
			expect(Math.abs(green - 0xc8)).toBeLessThan(6);
			expect(Math.abs(blue - 0x50)).toBeLessThan(6);
		}
	});

	test('a matte is neutral white', async () => {
		for (const name of ['matte.mp4', 'matte.mov']) {
			const pixels = await decodeRaw(await writeBox(join(temporaryFolder(), name)), 'rgb24');
			const at = (20 * width + 16) * 3;
			const [red = 0, green, blue] = pixels.subarray(at, at + 3);
			// How ffmpeg rounds on its way to RGB depends on the processor.
			expect(red).toBeGreaterThanOrEqual(253);
			expect([green, blue]).toEqual([red, red]);
		}
	});

	test('alpha is there', async () => {
		const folder = temporaryFolder();
		const [mov] = await ffprobeStreams(await writeBox(join(folder, 'alpha.mov')));
		expect(mov).toMatchObject({ codec_name: 'prores', pix_fmt: expect.stringMatching(/^yuva444p1[02]le$/) });
		const [webm] = await ffprobeStreams(await writeBox(join(folder, 'alpha.webm')));
		expect(webm).toMatchObject({ codec_name: 'vp9' });
		expect(JSON.stringify(webm?.tags).toLowerCase()).toContain('"alpha_mode":"1"');
		const [mkv] = await ffprobeStreams(await writeBox(join(folder, 'alpha.mkv')));
		expect(mkv).toMatchObject({ codec_name: 'ffv1', pix_fmt: 'yuva420p' });
		const [animation] = await ffprobeStreams(await writeBox(join(folder, 'animation.mov')));
		expect(animation).toMatchObject({ codec_name: 'qtrle', pix_fmt: 'argb' });
	});
});
