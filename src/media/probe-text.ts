import type { ClipInfo } from './frame.js';
import { type ColourTags, displayedSize, type VideoStream } from './video-stream.js';

/**
 * Reads what ffmpeg prints about its first input (`Input #0, … Stream #0:1(eng): Video: …`).
 *
 * @returns undefined when ffmpeg did not open the input; `stream` is undefined when it has no picture track.
 */
export const parseProbe = (
	lines: readonly string[],
): { info: ClipInfo; stream: VideoStream | undefined } | undefined => {
	const begin = lines.findIndex((line) => line.startsWith('Input #0'));
	if (begin < 0) {
		return undefined;
	}
	const end = lines.findIndex(
		(line, at) => at > begin && /^(Output #0|Stream mapping|At least one)/.test(line),
	);
	const input = lines.slice(begin, end < 0 ? undefined : end);

	const streams = splitStreams(input);
	const stream = firstDefined(streams, parseVideoStream);
	const audio = firstDefined(streams, ({ header }) => /: Audio: (\w+)/.exec(header)?.[1]);
	const durationSeconds = firstDefined(input, parseDuration);
	const frameRate = stream ? parseFrameRate(stream.header) : undefined;
	const { width, height } = stream ? displayedSize(stream.stream) : { width: 0, height: 0 };

	return {
		stream: stream?.stream,
		info: {
			width,
			height,
			frameRate: frameRate ?? 25,
			estimatedFrames:
				durationSeconds !== undefined && frameRate !== undefined
					? Math.max(1, Math.round(durationSeconds * frameRate))
					: undefined,
			durationSeconds,
			hasAudio: audio !== undefined,
			audioCodec: audio,
			colour: stream?.stream.colour,
		},
	};
};

/** A stream's own line and the metadata and side data lines below it. */
type StreamText = { readonly header: string; readonly details: readonly string[] };

const splitStreams = (input: readonly string[]): StreamText[] => {
	const starts = input.flatMap((line, at) => (/^\s*Stream #0:\d+/.test(line) ? [at] : []));
	return starts.map((at, order) => ({
		header: input[at] ?? '',
		details: input.slice(at + 1, starts[order + 1]),
	}));
};

const parseVideoStream = ({
	header,
	details,
}: StreamText): { header: string; stream: VideoStream } | undefined => {
	// "Stream #0:1[0x2](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 640x428 [SAR 1:1 DAR 3:2], …"
	const start = /Stream #0:(\d+)(?:\[\w+\])?(?:\(\w+\))?: Video: (\w+)/.exec(header);
	const size = /, (\d+)x(\d+)(?=[,\s]|$)/.exec(header);
	const pixels = /, ([a-z][a-z0-9]+)(?:\(([^()]*)\))?, \d+x\d+/.exec(header);
	// Cover art is a still picture in an audio file; a track whose pixel format is "none" has no frames.
	if (!start || !size || !pixels || pixels[1] === 'none' || isCoverArt(header)) {
		return undefined;
	}
	const aspect = /SAR (\d+):(\d+)/.exec(header);
	const ratio = aspect ? Number(aspect[1]) / Number(aspect[2]) : 1;
	return {
		header,
		stream: {
			index: Number(start[1]),
			codec: start[2] ?? '',
			codedWidth: Number(size[1]),
			codedHeight: Number(size[2]),
			rotation: parseRotation(details),
			pixelAspectRatio: Number.isFinite(ratio) && ratio > 0 ? ratio : 1,
			pixelFormat: pixels[1] ?? '',
			colour: parseColour(pixels[1] ?? '', pixels[2] ?? ''),
		},
	};
};

/** Older versions do not say "(attached pic)"; there, the still picture has 90,000 frames a second and no other rate. */
const isCoverArt = (header: string): boolean =>
	header.includes('(attached pic)') ||
	(/: Video: (mjpeg|png|bmp|gif|webp)\b/.test(header) &&
		/, 90k tbr, 90k tbn/.test(header) &&
		!/ fps,/.test(header));

const parseRotation = (details: readonly string[]): VideoStream['rotation'] => {
	const turn = firstDefined(
		details,
		(line) => /displaymatrix: rotation of (-?[\d.]+) degrees/.exec(line)?.[1],
	);
	// The display matrix turns anticlockwise.
	const clockwise = (Math.round(-Number(turn ?? 0) / 90) * 90 + 720) % 360;
	return clockwise === 90 || clockwise === 180 || clockwise === 270 ? clockwise : 0;
};

/** The list after the pixel format: `(tv, bt709)`, `(pc, smpte170m/bt470bg/bt709, progressive)`, `(progressive)`. */
const parseColour = (pixelFormat: string, text: string): ColourTags => {
	const words = text.split(',').map((word) => word.trim());
	const range = words.find((word) => word === 'tv' || word === 'pc');
	const names =
		words.find((word) => /^(bt|smpte|arib|gbr|ycgco|fcc|film|unknown|iec|linear|log|reserved)/.test(word)) ??
		'';
	const [matrix, primaries = matrix, transfer = matrix] = names.split('/').map((name) => {
		return name === '' || name === 'unknown' || name === 'reserved' ? undefined : name;
	});
	return {
		range: range === 'tv' || range === 'pc' ? range : pixelFormat.startsWith('yuvj') ? 'pc' : undefined,
		matrix,
		primaries,
		transfer,
	};
};

const parseDuration = (line: string): number | undefined => {
	const match = /^\s*Duration: (\d+):(\d+):(\d+(?:\.\d+)?)/.exec(line);
	return match ? Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]) : undefined;
};

/** ffmpeg prints two decimals, which hides that "23.98" is 24000/1001. */
const parseFrameRate = (header: string): number | undefined => {
	const match = /, (\d+(?:\.\d+)?)(k?) fps/.exec(header) ?? /, (\d+(?:\.\d+)?)(k?) tbr/.exec(header);
	if (!match) {
		return undefined;
	}
	const printed = Number(match[1]) * (match[2] === 'k' ? 1000 : 1);
	const broadcast = [24, 30, 48, 60, 120].map((whole) => (whole * 1000) / 1001);
	return broadcast.find((rate) => Math.abs(rate - printed) < 0.006) ?? printed;
};

const firstDefined = <Item, Result>(
	items: readonly Item[],
	find: (item: Item) => Result | undefined,
): Result | undefined => {
	for (const item of items) {
		const result = find(item);
		if (result !== undefined) {
			return result;
		}
	}
	return undefined;
};
