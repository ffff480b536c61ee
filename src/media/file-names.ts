import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';

/**
 * Extensions of files that are read or written here, and of those that people might think are. Names have dots of their
 * own ("take 10.30.15", "shot.v2"), so nothing else is an extension.
 */
const known = new Set(
	(
		'png jpg jpeg webp tif tiff gif bmp avif heic heif exr dpx tga psd svg pdf ' +
		'mp4 m4v mov qt mkv webm avi mxf wmv flv mpg mpeg m2v ts mts m2ts mod vob ogv 3gp 3g2 y4m ivf h264 hevc 264 265 mjpeg ' +
		'json csv jsx mlt kdenlive otio fcpxml nk setting npy flo mat xml txt md pt pth safetensors onnx zip ' +
		'wav mp3 aac m4a flac ogg opus'
	)
		.split(' ')
		.map((name) => `.${name}`),
);

/** The extension in lower case, with its dot; empty when the name has none, or only a dot in it. */
export const extensionOf = (path: string): string => {
	const extension = extname(path).toLowerCase();
	return known.has(extension) ? extension : '';
};

/**
 * True for a folder that is there, a name that ends in a slash, and a name without an extension. Three letters behind a dot are a
 * mistaken extension rather than a part of a folder's name.
 */
export const namesFolder = async (path: string): Promise<boolean> =>
	/[/\\]$/.test(path) ||
	((await stat(path).catch(() => undefined))?.isDirectory() ?? false) ||
	(extensionOf(path) === '' && !/^\.[a-z]{3}$/i.test(extname(path)));

/**
 * What a clip is called, for the names of its results: `bear.mp4` is `bear`, `shots/frame_%04d.png` is `frame`,
 * `shots/*.png` is `shots`, and `.` is called as the folder that it stands for.
 */
export const clipStem = (input: string): string => {
	const last = basename(input.replace(/[/\\]+$/, ''));
	const isPattern = /[*?]|%0?\d*d/.test(last);
	if (isPattern) {
		const plain = last
			.slice(0, last.length - extname(last).length)
			.replace(/%0?\d*d|[*?]+/g, '')
			.replace(/^[\s._-]+|[\s._-]+$/g, '');
		return plain === '' ? clipStem(dirname(resolve(input))) : plain;
	}
	if (last === '' || last === '.' || last === '..') {
		return basename(resolve(input)) || 'clip';
	}
	return last.slice(0, last.length - extensionOf(last).length);
};
