import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { UserError } from '../errors.js';
import { checkerboard, greenScreen, matteOf, overBackground, withAlpha } from './compositing.js';
import type { Raster } from './frame.js';
import { drawOverlay } from './overlay.js';
import type { FrameResult } from './video-sink.js';

/** A kind of video: what it shows and how it is coded. */
export type VideoFormat = {
	readonly name: string;
	readonly about: string;
	/** ffmpeg's name of the container. */
	readonly muxer: 'mp4' | 'mov' | 'matroska' | 'webm';
	readonly channels: 1 | 3 | 4;
	readonly render: (result: FrameResult, options: RenderOptions) => Raster;
	/** Codec options for ffmpeg, without the pixel format. */
	readonly codec: readonly string[];
	/** Pixel formats for even sizes and for odd ones, where subsampled chroma is not possible in every codec. */
	readonly pixelFormat: { readonly even: string; readonly odd: string };
	/** Whether the source's sound comes along. */
	readonly audio: boolean;
};

export type RenderOptions = { readonly premultiplied: boolean };

/** One indexed PNG for each frame, in a folder. */
export type PngFormat = { readonly name: 'png'; readonly about: string };

/** Where results go and as what. */
export type OutputChoice =
	| { readonly kind: 'png'; readonly format: PngFormat; readonly path: string }
	| { readonly kind: 'video'; readonly format: VideoFormat; readonly path: string };

const pngFormat: PngFormat = {
	name: 'png',
	about: 'a folder of indexed PNGs, one a frame, ids and palette of the mask',
};

// No B-frames: with them this ffmpeg's MP4 writer gets the length of variable-rate videos wrong and cuts frames off.
const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-bf', '0'] as const;
const h264Pixels = { even: 'yuv420p', odd: 'yuv444p' } as const;
const ffv1 = ['-c:v', 'ffv1', '-level', '3', '-g', '1'] as const;

const matte = ({ labels, alpha }: FrameResult): Raster<1> => alpha ?? matteOf(labels);
const cutOut = (result: FrameResult, { premultiplied }: RenderOptions): Raster<4> =>
	withAlpha(result.edited ?? result.frame.image, matte(result), premultiplied);

const videoFormats: readonly VideoFormat[] = [
	{
		name: 'matte.mp4',
		about: 'grey matte, H.264',
		muxer: 'mp4',
		channels: 1,
		render: matte,
		codec: h264,
		pixelFormat: h264Pixels,
		audio: false,
	},
	{
		name: 'matte.mov',
		about: 'grey matte, ProRes 422 HQ',
		muxer: 'mov',
		channels: 1,
		render: matte,
		codec: ['-c:v', 'prores_ks', '-profile:v', '3', '-vendor', 'apl0'],
		pixelFormat: { even: 'yuv422p10le', odd: 'yuv422p10le' },
		audio: false,
	},
	{
		name: 'matte.mkv',
		about: 'grey matte, FFV1 (lossless)',
		muxer: 'matroska',
		channels: 1,
		render: matte,
		codec: ffv1,
		pixelFormat: { even: 'gray', odd: 'gray' },
		audio: false,
	},
	{
		name: 'overlay.mp4',
		about: 'the clip with coloured, outlined objects, with its sound',
		muxer: 'mp4',
		channels: 3,
		render: ({ frame, labels }) => drawOverlay(frame.image, labels),
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
	{
		name: 'edit.mp4',
		about: 'the clip with the edit in it, with its sound',
		muxer: 'mp4',
		channels: 3,
		render: ({ frame, edited }) => edited ?? frame.image,
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
	{
		name: 'alpha.mov',
		about: 'the objects on transparency, ProRes 4444',
		muxer: 'mov',
		channels: 4,
		render: cutOut,
		codec: ['-c:v', 'prores_ks', '-profile:v', '4444', '-vendor', 'apl0', '-alpha_bits', '16'],
		pixelFormat: { even: 'yuva444p10le', odd: 'yuva444p10le' },
		audio: false,
	},
	{
		name: 'alpha.webm',
		about: 'the objects on transparency, VP9',
		muxer: 'webm',
		channels: 4,
		render: cutOut,
		// Alternate reference frames cannot carry alpha.
		codec: [
			...['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', '18', '-auto-alt-ref', '0'],
			...['-deadline', 'good', '-cpu-used', '5', '-row-mt', '1'],
		],
		pixelFormat: { even: 'yuva420p', odd: 'yuva420p' },
		audio: false,
	},
	{
		name: 'alpha.mkv',
		about: 'the objects on transparency, FFV1 (as Kdenlive makes its object masks)',
		muxer: 'matroska',
		channels: 4,
		render: cutOut,
		codec: ffv1,
		pixelFormat: { even: 'yuva420p', odd: 'yuva420p' },
		audio: false,
	},
	{
		name: 'animation.mov',
		about: 'the objects on transparency, QuickTime Animation (lossless)',
		muxer: 'mov',
		channels: 4,
		render: cutOut,
		codec: ['-c:v', 'qtrle'],
		pixelFormat: { even: 'argb', odd: 'argb' },
		audio: false,
	},
	{
		name: 'checkerboard.mp4',
		about: 'preview: the objects over grey squares',
		muxer: 'mp4',
		channels: 3,
		render: (result) => overBackground(result.edited ?? result.frame.image, matte(result), checkerboard),
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
	{
		name: 'greenscreen.mp4',
		about: 'preview: the objects over chroma-key green',
		muxer: 'mp4',
		channels: 3,
		render: (result) => overBackground(result.edited ?? result.frame.image, matte(result), greenScreen),
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
];

/** What an extension alone stands for. */
const defaultNames: Readonly<Record<string, string>> = {
	'.mp4': 'matte.mp4',
	'.mov': 'alpha.mov',
	'.webm': 'alpha.webm',
	'.mkv': 'alpha.mkv',
};

/** All formats with a word about each, for help texts. */
export const listFormats = (): { name: string; about: string }[] =>
	[pngFormat, ...videoFormats].map(({ name, about }) => ({ name, about }));

/**
 * What to write and where, from the value of `-o` and, if given, the name of a format.
 *
 * Without a format, a folder or a name without extension means PNGs; a name that is or ends in a format's name
 * (`bear-overlay.mp4`) means that format; any other extension its usual one. With a format, `-o` may be a folder, in
 * which a file of the format's name is made, or a file with the format's extension.
 *
 * @throws UserError when the format is unknown or does not go with the name.
 */
export const resolveFormat = async (output: string, formatName?: string): Promise<OutputChoice> => {
	const isFolder =
		/[/\\]$/.test(output) || ((await stat(output).catch(() => undefined))?.isDirectory() ?? false);
	const extension = isFolder ? '' : extname(output).toLowerCase();
	if (formatName === 'png' || (formatName === undefined && extension === '')) {
		if (formatName === 'png' && (extension in defaultNames || extension === '.png')) {
			throw new UserError(
				`"${output}" names a single file, but PNGs go into a folder; give a folder with -o.`,
			);
		}
		return { kind: 'png', format: pngFormat, path: output };
	}
	const file = basename(output).toLowerCase();
	const name =
		formatName ?? videoFormats.find((format) => file.endsWith(format.name))?.name ?? defaultNames[extension];
	const format = videoFormats.find((candidate) => candidate.name === name);
	if (!format) {
		const wrong =
			formatName === undefined ? `"${output}" has no known extension` : `There is no format "${formatName}"`;
		const names = listFormats().map((known) => known.name);
		throw new UserError(`${wrong}; give a folder for PNGs, or one of ${names.join(', ')}.`);
	}
	if (extension === '') {
		return { kind: 'video', format, path: join(output, format.name) };
	}
	if (extension !== extname(format.name)) {
		throw new UserError(
			`"${output}" does not go with the format ${format.name}; end the name in ${extname(format.name)}.`,
		);
	}
	return { kind: 'video', format, path: output };
};
