import { basename, extname, join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { encodeExr } from '../media/exr.js';
import { namesFolder } from '../media/file-names.js';
import { isFramePattern } from '../media/frame-names.js';
import { encodeDeepPng, encodeImage } from '../media/image.js';
import { encodeIndexedPng } from '../media/indexed-png.js';
import { encodeMotsPng } from './annotations/mots.js';
import {
	checkerboard,
	cutOut,
	frameMatte,
	greenScreen,
	objectColours,
	overBackground,
	white,
} from './compositing.js';
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

type RenderOptions = { readonly premultiplied: boolean };

/** How the picture of a frame becomes a file. */
type FramePictures = {
	readonly extension: '.png' | '.tif' | '.exr';
	readonly encode: (result: FrameResult, options: RenderOptions) => Promise<Uint8Array>;
};

/** What can be written, by kind; `name` is what `--format` takes and what the name of an output may end in. */
type OutputFormat = { readonly name: string; readonly about: string } & (
	| /** A picture for each frame, in a folder or by a pattern of names. */ (FramePictures & {
			readonly kind: 'frames';
			/** Only masks are shown, and nothing of the frames themselves. */
			readonly isMasksOnly?: boolean;
	  })
	| (VideoFormat & { readonly kind: 'video' })
	| /** The same for each object. */ (FramePictures & { readonly kind: 'object-frames' })
	| /** A video for each object. */ { readonly kind: 'object-videos'; readonly each: VideoFormat }
	| { readonly kind: 'sprites' }
	| /** Masks as data, in one file. */ { readonly kind: 'annotations'; readonly layout: AnnotationLayout }
	| ProjectFormat
);

/** How a file of masks is laid out. */
export type AnnotationLayout =
	| 'coco-rle'
	| 'coco-polygons'
	| 'youtube-vis'
	| 'mots'
	| 'cvat'
	| 'label-studio';

/** A file that an editing program opens, which refers to the clip and to a video made from it. */
type ProjectFormat = {
	readonly name: string;
	readonly about: string;
	readonly kind: 'project';
	/** Video formats that the program can use, best first: the first is made when none of them is asked for. */
	readonly layers: readonly string[];
};

type Kind = OutputFormat['kind'];
type FormatOf<K extends Kind> = Extract<OutputFormat, { readonly kind: K }>;

/** Where results go and as what. */
export type OutputChoice = {
	[K in Kind]: { readonly kind: K; readonly format: FormatOf<K>; readonly path: string };
}[Kind];

// No B-frames: with them this ffmpeg's MP4 writer gets the length of variable-rate videos wrong and cuts frames off.
const h264With = (crf: number): readonly string[] => [
	...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf), '-bf', '0'],
];
const h264 = h264With(16);
const h264Pixels = { even: 'yuv420p', odd: 'yuv444p' } as const;
const ffv1 = ['-c:v', 'ffv1', '-level', '3', '-g', '1'] as const;

const cutOutOf = (result: FrameResult, { premultiplied }: RenderOptions): Raster<4> =>
	cutOut(result, premultiplied);

const videoFormats: readonly VideoFormat[] = [
	{
		name: 'matte.mp4',
		about: 'grey matte, H.264',
		muxer: 'mp4',
		channels: 1,
		render: frameMatte,
		// Mattes are easy to code, and white has to stay white.
		codec: h264With(6),
		pixelFormat: h264Pixels,
		audio: false,
	},
	{
		name: 'matte.mov',
		about: 'grey matte, ProRes 422 HQ',
		muxer: 'mov',
		channels: 1,
		render: frameMatte,
		codec: ['-c:v', 'prores_ks', '-profile:v', '3', '-vendor', 'apl0'],
		pixelFormat: { even: 'yuv422p10le', odd: 'yuv422p10le' },
		audio: false,
	},
	{
		name: 'matte.mkv',
		about: 'grey matte, FFV1 (lossless)',
		muxer: 'matroska',
		channels: 1,
		render: frameMatte,
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
		render: cutOutOf,
		codec: ['-c:v', 'prores_ks', '-profile:v', '4444', '-vendor', 'apl0', '-alpha_bits', '16'],
		pixelFormat: { even: 'yuva444p10le', odd: 'yuva444p10le' },
		audio: false,
	},
	{
		name: 'alpha.webm',
		about: 'the objects on transparency, VP9',
		muxer: 'webm',
		channels: 4,
		render: cutOutOf,
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
		render: cutOutOf,
		codec: ffv1,
		pixelFormat: { even: 'yuva420p', odd: 'yuva420p' },
		audio: false,
	},
	{
		name: 'animation.mov',
		about: 'the objects on transparency, QuickTime Animation (lossless)',
		muxer: 'mov',
		channels: 4,
		render: cutOutOf,
		codec: ['-c:v', 'qtrle'],
		pixelFormat: { even: 'argb', odd: 'argb' },
		audio: false,
	},
	{
		name: 'checkerboard.mp4',
		about: 'preview: the objects over grey squares',
		muxer: 'mp4',
		channels: 3,
		render: (result) => overBackground(objectColours(result), frameMatte(result), checkerboard),
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
	{
		name: 'greenscreen.mp4',
		about: 'preview: the objects over chroma-key green',
		muxer: 'mp4',
		channels: 3,
		render: (result) => overBackground(objectColours(result), frameMatte(result), greenScreen),
		codec: h264,
		pixelFormat: h264Pixels,
		audio: true,
	},
];

const frameFormats: readonly (FormatOf<'frames'> | FormatOf<'object-frames'>)[] = [
	{
		kind: 'frames',
		name: 'png',
		about: 'an indexed PNG for each frame, ids and palette of the mask',
		extension: '.png',
		encode: ({ labels }) => encodeIndexedPng(labels),
		isMasksOnly: true,
	},
	{
		kind: 'frames',
		name: 'alpha-png',
		about: 'a PNG for each frame, the objects on transparency, 8 bits a channel',
		extension: '.png',
		encode: (result, options) => encodeImage('png', cutOutOf(result, options)),
	},
	{
		kind: 'frames',
		name: 'alpha-png16',
		about: 'the same in 16 bits a channel, for programs that want them',
		extension: '.png',
		encode: (result, { premultiplied }) =>
			encodeDeepPng(objectColours(result), frameMatte(result).deep, premultiplied),
	},
	{
		kind: 'frames',
		name: 'alpha-tiff',
		about: 'a TIFF for each frame, the objects on transparency, 8 bits a channel',
		extension: '.tif',
		encode: (result, options) => encodeImage('tiff', cutOutOf(result, options)),
	},
	{
		kind: 'frames',
		name: 'alpha-exr',
		about: 'an OpenEXR for each frame, the objects on transparency: half, linear light, premultiplied',
		extension: '.exr',
		encode: (result) => encodeExr(objectColours(result), frameMatte(result).deep),
	},
	{
		kind: 'frames',
		name: 'matte-png',
		about: 'a grey PNG for each frame, all objects together',
		extension: '.png',
		encode: (result) => encodeImage('png', frameMatte(result)),
	},
	{
		kind: 'frames',
		name: 'matte-tiff',
		about: 'a grey TIFF for each frame, all objects together',
		extension: '.tif',
		encode: (result) => encodeImage('tiff', frameMatte(result)),
	},
	{
		kind: 'frames',
		name: 'matte-exr',
		about: 'an OpenEXR for each frame, all objects together, the matte in each of R, G, B and A',
		extension: '.exr',
		encode: (result) => encodeExr(white(result.labels), frameMatte(result).deep),
	},
	{
		kind: 'object-frames',
		name: 'mattes',
		about: 'for each object a grey PNG for each frame',
		extension: '.png',
		encode: (result) => encodeImage('png', frameMatte(result)),
	},
	{
		kind: 'object-frames',
		name: 'mattes-exr',
		about: 'for each object an OpenEXR for each frame, the matte in each of R, G, B and A',
		extension: '.exr',
		encode: (result) => encodeExr(white(result.labels), frameMatte(result).deep),
	},
	{
		kind: 'frames',
		name: 'mots-png',
		about: 'a PNG of 16 bits for each frame, 1000 and the id of the object (MOTS)',
		extension: '.png',
		encode: ({ labels }) => encodeMotsPng(labels),
		isMasksOnly: true,
	},
	{
		kind: 'frames',
		name: 'edit-png',
		about: 'a PNG for each frame of the clip with the edit in it',
		extension: '.png',
		encode: ({ frame, edited }) => encodeImage('png', edited ?? frame.image),
	},
	{
		kind: 'frames',
		name: 'edit-exr',
		about: 'an OpenEXR for each frame of the clip with the edit in it: half, linear light',
		extension: '.exr',
		encode: ({ frame, edited }) => encodeExr(edited ?? frame.image),
	},
];

const annotationFormats: readonly FormatOf<'annotations'>[] = [
	{
		kind: 'annotations',
		layout: 'coco-rle',
		name: 'rle.json',
		about: 'masks as run lengths in JSON (COCO)',
	},
	{
		kind: 'annotations',
		layout: 'coco-polygons',
		name: 'polygons.json',
		about: 'masks as polygons in JSON (COCO)',
	},
	{
		kind: 'annotations',
		layout: 'youtube-vis',
		name: 'ytvis.json',
		about: 'masks of each object through the clip as run lengths in JSON (YouTube-VIS)',
	},
	{
		kind: 'annotations',
		layout: 'mots',
		name: 'mots.txt',
		about: 'masks as run lengths, a line for each object in each frame (MOTS)',
	},
	{
		kind: 'annotations',
		layout: 'cvat',
		name: 'cvat.xml',
		about: 'masks in XML (CVAT for video 1.1)',
	},
	{
		kind: 'annotations',
		layout: 'label-studio',
		name: 'label-studio.json',
		about: 'a box for each object through the clip, in JSON (Label Studio has no masks in videos)',
	},
];

const objectVideo = (each: VideoFormat): FormatOf<'object-videos'> => ({
	kind: 'object-videos',
	name: each.name.replace('matte', 'mattes'),
	about: `for each object a file: ${each.about}`,
	each,
});

/** MLT ignores the alpha of ProRes 4444. */
const mltLayers = ['alpha.mkv', 'alpha.webm', 'animation.mov'] as const;

const formats: readonly OutputFormat[] = [
	...frameFormats,
	...videoFormats.map((format) => ({ ...format, kind: 'video' as const })),
	...videoFormats.filter(({ name }) => name.startsWith('matte.')).map(objectVideo),
	{
		kind: 'sprites',
		name: 'sprites.png',
		about: 'the cut-outs of all frames on one sheet, with a JSON file of their places (TexturePacker)',
	},
	...annotationFormats,
	{
		kind: 'project',
		name: 'project.mlt',
		about: 'the clip and its cut-out on two tracks, for Shotcut and melt',
		layers: mltLayers,
	},
	{
		kind: 'project',
		name: 'project.kdenlive',
		about: 'the clip with its sound and its cut-out on a track above, for Kdenlive',
		layers: mltLayers,
	},
	{
		kind: 'project',
		name: 'project.otio',
		about: 'the clip and its cut-out on two tracks, OpenTimelineIO',
		layers: ['alpha.mov', 'alpha.webm', 'alpha.mkv', 'animation.mov'],
	},
	{
		kind: 'project',
		name: 'project.jsx',
		about: 'the clip with a track matte, a script for After Effects',
		layers: ['matte.mov', 'alpha.mov', 'animation.mov', 'matte.mp4'],
	},
	{
		kind: 'project',
		name: 'project.fcpxml',
		about: 'the clip and its cut-out above it, for Final Cut Pro and DaVinci Resolve',
		layers: ['alpha.mov', 'animation.mov'],
	},
];

/** What an extension alone stands for. */
const defaultNames: Readonly<Record<string, string>> = {
	'.mp4': 'matte.mp4',
	'.mov': 'alpha.mov',
	'.webm': 'alpha.webm',
	'.mkv': 'alpha.mkv',
	'.json': 'rle.json',
	'.txt': 'mots.txt',
	'.xml': 'cvat.xml',
	'.mlt': 'project.mlt',
	'.kdenlive': 'project.kdenlive',
	'.otio': 'project.otio',
	'.jsx': 'project.jsx',
	'.fcpxml': 'project.fcpxml',
};

/** What a pattern of names stands for by its extension alone, and with a word before the number: `bear-matte.%04d.exr`. */
const patternNames: Readonly<Record<string, { readonly [word: string]: string }>> = {
	'.png': { '': 'png', alpha: 'alpha-png', matte: 'matte-png', mattes: 'mattes', edit: 'edit-png' },
	'.tif': { '': 'alpha-tiff', matte: 'matte-tiff' },
	'.tiff': { '': 'alpha-tiff', matte: 'matte-tiff' },
	'.exr': { '': 'alpha-exr', matte: 'matte-exr', mattes: 'mattes-exr', edit: 'edit-exr' },
};

const ofPattern = (file: string, extension: string): string | undefined => {
	const names = patternNames[extension] ?? {};
	const word = /(?:^|[-_. ])(alpha|mattes?|edit)[-_. ]*%0?\d*d/.exec(file)?.[1] ?? '';
	return names[word] ?? names[''];
};

/** All formats with a word about each, for help texts. */
export const listFormats = (): { name: string; about: string; kind: Kind }[] =>
	formats.map(({ name, about, kind }) => ({ name, about, kind }));

/**
 * What to write and where, from the value of `-o` and, if given, the name of a format.
 *
 * Without a format, a folder or a name without extension means PNGs; a pattern of names (`bear.%04d.exr`) means pictures; a name that is or
 * ends in a format's name (`bear-overlay.mp4`) means that format; any other extension its usual one. With a format, `-o` may be a folder, in
 * which a file of the format's name is made, or a file with the format's extension.
 *
 * @throws UserError when the format is unknown or does not go with the name.
 */
export const resolveFormat = async (output: string, formatName?: string): Promise<OutputChoice> => {
	if (output === '') {
		throw new UserError('The name of an output is empty; give a folder or a file with -o.');
	}
	if (output === '-') {
		throw new UserError(
			'Results are files, which cannot be written to standard output; give a name with -o.',
		);
	}
	const extension = (await namesFolder(output)) ? '' : extname(output).toLowerCase();
	const file = basename(output).toLowerCase();
	const isPattern = extension !== '' && isFramePattern(output);
	const name =
		formatName ??
		(extension === '' ? (/(^|[-_. ])mattes[/\\]*$/.test(file) ? 'mattes' : 'png') : undefined) ??
		(isPattern ? ofPattern(file, extension) : undefined) ??
		formats.find((format) => format.name.includes('.') && file.endsWith(format.name))?.name ??
		defaultNames[extension];
	const format = formats.find((candidate) => candidate.name === name);
	if (!format) {
		if (formatName === undefined && /\.(png|jpe?g|tiff?|webp|exr)$/.test(extension)) {
			throw notOnePicture(output, extension, 'is one picture, but there is a mask for every frame');
		}
		const wrong =
			formatName === undefined
				? `"${output}" ends in nothing that can be written`
				: `There is no format "${formatName}"`;
		throw new UserError(
			`${wrong}; give a folder for PNGs, or a name that ends in ${[...new Set(Object.keys(defaultNames))].join(', ')} or in one of the names that "propagate formats" lists.`,
		);
	}
	if (format.kind === 'frames' || format.kind === 'object-frames') {
		if (extension !== '' && !isPattern) {
			throw notOnePicture(output, format.extension, 'names a single file, but each frame has one');
		}
		if (isPattern && extension.replace('.tiff', '.tif') !== format.extension) {
			throw new UserError(
				`"${output}" does not go with the format ${format.name}; end the name in ${format.extension}.`,
			);
		}
		return choose(format, output);
	}
	if (extension === '') {
		return choose(format, join(output, format.name));
	}
	if (extension !== extname(format.name)) {
		throw new UserError(
			`"${output}" does not go with the format ${format.name}; end the name in ${extname(format.name)}.`,
		);
	}
	return choose(format, output);
};

const notOnePicture = (output: string, extension: string, what: string): UserError => {
	const stem = output.slice(0, output.length - extname(output).length).replace(/[-_. ]?%0?\d*d$/, '');
	const written = extension in patternNames ? extension : '.png';
	return new UserError(
		`"${output}" ${what}; give a folder for them: -o ${stem}, or names with numbers: -o ${stem}.%04d${written}.`,
	);
};

// The kind is told apart by the format; TypeScript can't follow that through the union.
const choose = (format: OutputFormat, path: string): OutputChoice =>
	({ kind: format.kind, format, path }) as OutputChoice;

/**
 * The video that a project file refers to: one of the other outputs that its program can use, else one to be made
 * beside it.
 */
export const layerOfProject = (
	project: Extract<OutputChoice, { readonly kind: 'project' }>,
	others: readonly OutputChoice[],
): Extract<OutputChoice, { readonly kind: 'video' }> => {
	for (const name of project.format.layers) {
		const asked = others.find((other) => other.kind === 'video' && other.format.name === name);
		if (asked?.kind === 'video') {
			return asked;
		}
	}
	const format = formats.find(({ name }) => name === project.format.layers[0]);
	if (format?.kind !== 'video') {
		throw new Error(`The format ${project.format.name} names no video format.`);
	}
	const stem = project.path.slice(0, project.path.length - extname(project.path).length);
	return { kind: 'video', format, path: `${stem}-${format.name}` };
};
