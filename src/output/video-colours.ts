import type { Raster } from '../core/frame.js';
import type { ClipInfo } from '../media/clip-info.js';
import { effectiveMatrix, isHighDynamicRange } from '../media/video-stream.js';
import type { VideoFormat } from './output-format.js';

/** How a video's colours are coded, in ffmpeg's names. */
type Coding = {
	readonly range: 'tv' | 'pc';
	readonly matrix: string;
	readonly primaries: string;
	readonly transfer: string;
};

/** Grey levels have no colours, and drawings are sRGB, whose primaries these are. */
const plain: Coding = { range: 'tv', matrix: 'bt709', primaries: 'bt709', transfer: 'bt709' };

/**
 * ffmpeg options that take full-range RGB or grey to the coding of the source, and write it into the file as tags.
 *
 * @param filters those that this ffmpeg has
 */
export const colourOptions = (
	format: VideoFormat,
	{ width, height }: Pick<Raster, 'width' | 'height'>,
	clip: ClipInfo,
	filters: ReadonlySet<string>,
): string[] => {
	const pixelFormat = pixelFormatOf(format, { width, height });
	if (!pixelFormat.startsWith('yuv')) {
		return ['-pix_fmt', pixelFormat];
	}
	const { range, matrix, primaries, transfer } = format.channels === 1 ? plain : codingOf(clip, format);
	// Grey has no use for a matrix, and with one ffmpeg goes through RGB, which tints it by rounding.
	const conversion = format.channels === 1 ? '' : `out_color_matrix=${matrixOfScale[matrix] ?? 'bt601'}:`;
	const chain = [
		`scale=in_range=pc:${conversion}out_range=${range}`,
		`format=${pixelFormat}`,
		// Encoders of newer versions take the tags from the frames, those of older ones from the options below.
		...(filters.has('setparams')
			? [`setparams=color_primaries=${primaries}:color_trc=${transferOfFrames[transfer] ?? transfer}`]
			: []),
	];
	return [
		...['-vf', chain.join(',')],
		...['-colorspace', matrix, '-color_primaries', primaries, '-color_range', range],
		...['-color_trc', transferOfEncoders[transfer] ?? transfer],
		// ProRes says it in each frame too, and its encoder writes "unknown" there whatever the options are.
		...(format.codec.includes('prores_ks')
			? ['-bsf:v', `prores_metadata=${inProRes({ range, matrix, primaries, transfer })}`]
			: []),
	];
};

// ffmpeg's parts have names of their own for the same thing, and not every version takes the others'.

/** What the scaling filter calls matrices: that of BT.601, which PAL and NTSC share, has no other name in all versions. */
const matrixOfScale: Readonly<Record<string, string>> = {
	bt709: 'bt709',
	smpte240m: 'smpte240m',
	bt2020nc: 'bt2020',
};
/** The curves of analogue television, as files have them, in the words of filters and in those of encoders. */
const transferOfFrames: Readonly<Record<string, string>> = { gamma22: 'bt470m', gamma28: 'bt470bg' };
const transferOfEncoders: Readonly<Record<string, string>> = { bt470m: 'gamma22', bt470bg: 'gamma28' };
/** EBU Tech 3213, by the name that old versions have. */
const olderPrimaries: Readonly<Record<string, string>> = { ebu3213: 'jedec-p22' };

export const pixelFormatOf = (
	{ pixelFormat }: VideoFormat,
	{ width, height }: Pick<Raster, 'width' | 'height'>,
): string => (width % 2 === 0 && height % 2 === 0 ? pixelFormat.even : pixelFormat.odd);

/** The source's own coding; what it does not say, as its matrix usually goes with. */
const codingOf = (clip: ClipInfo, { channels }: VideoFormat): Coding => {
	// High dynamic range was brought to BT.709 in decoding.
	if (clip.colour === undefined || isHighDynamicRange({ colour: clip.colour })) {
		return plain;
	}
	const { colour } = clip;
	const usual = {
		bt709: plain,
		bt601: { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'bt709' },
		bt2020: { matrix: 'bt2020nc', primaries: 'bt2020', transfer: 'bt2020-10' },
		smpte240m: { matrix: 'smpte240m', primaries: 'smpte240m', transfer: 'smpte240m' },
	}[effectiveMatrix({ codedWidth: clip.width, codedHeight: clip.height, colour })];
	return {
		// Decoding gives straight values of the source's own primaries and curve, so these are what the tags have to say.
		matrix: colour.matrix === 'bt470bg' ? colour.matrix : usual.matrix,
		primaries: olderPrimaries[colour.primaries ?? ''] ?? colour.primaries ?? usual.primaries,
		// Newer versions do nothing with pictures that are said to be logarithmic.
		transfer: /^log/.test(colour.transfer ?? '') ? 'unknown' : (colour.transfer ?? usual.transfer),
		range: channels === 4 ? 'tv' : (colour.range ?? 'tv'),
	};
};

/** Apple's white paper on ProRes lists what a frame may say; its curve of BT.709 is also that of BT.601 and BT.2020. */
const inProRes = ({ matrix, primaries, transfer }: Coding): string => {
	const known = (name: string, names: readonly string[]) => (names.includes(name) ? name : 'unknown');
	const curve = /^(smpte170m|bt2020-1[02])$/.test(transfer) ? 'bt709' : transfer;
	return [
		`colorspace=${known(matrix === 'bt470bg' ? 'smpte170m' : matrix, ['bt709', 'smpte170m', 'bt2020nc'])}`,
		`color_primaries=${known(primaries, ['bt709', 'bt470bg', 'smpte170m', 'bt2020', 'smpte431', 'smpte432'])}`,
		`color_trc=${known(curve, ['bt709'])}`,
	].join(':');
};
