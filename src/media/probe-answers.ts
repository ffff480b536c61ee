import { z } from 'zod';
import type { Fraction } from './clip-info.js';
import type { ColourTags } from './video-stream.js';

/**
 * What ffmpeg tells of its input in formats made for programs: the header of the `framecrc` format, and the header of a
 * Matroska file into which the track would be copied (RFC 9559). Both have kept their meaning over all versions since 2014,
 * which what it prints for people has not.
 */

/** A track as the header of a `framecrc` output has it. */
export type ListedTrack = {
	readonly type: string;
	readonly codec: string;
	/** A tick of its clock in seconds, and as a fraction; 0 and undefined when unknown. */
	readonly tickSeconds: number;
	readonly tick: Fraction | undefined;
	/** As stored; 0 when unknown, and for sound. */
	readonly width: number;
	readonly height: number;
	/** Width of a pixel divided by its height; 1 when unknown. */
	readonly pixelAspectRatio: number;
};

/** The tracks of a `framecrc` output, in order: lines like `#tb 0: 1/25`, `#dimensions 0: 320x240`. */
export const readTrackList = (text: string): ListedTrack[] => {
	const tracks: Record<string, string>[] = [];
	for (const [, name = '', at = '', value = ''] of text.matchAll(/^#(\w+) (\d{1,4}): *(.*?)\s*$/gm)) {
		const track = tracks[Number(at)] ?? {};
		track[name] = value;
		tracks[Number(at)] = track;
	}
	return tracks
		.filter((track) => track?.media_type !== undefined)
		.map((track) => {
			const [, width = 0, height = 0] = /^(\d+)x(\d+)$/.exec(track.dimensions ?? '')?.map(Number) ?? [];
			return {
				type: track.media_type ?? '',
				codec: track.codec_id ?? '',
				tickSeconds: quotient(fraction(track.tb)) ?? 0,
				tick: fraction(track.tb),
				...{ width, height },
				pixelAspectRatio: quotient(fraction(track.sar)) ?? 1,
			};
		});
};

const fraction = (text: string | undefined): Fraction | undefined => {
	const match = /^(\d+)\/(\d+)$/.exec(text ?? '');
	const [numerator, denominator] = [Number(match?.[1]), Number(match?.[2])];
	return numerator > 0 && denominator > 0 ? { numerator, denominator } : undefined;
};

const quotient = (of: Fraction | undefined): number | undefined => of && of.numerator / of.denominator;

/** What the header of a Matroska file tells of its only track. */
type MatroskaTrack = {
	readonly colour: ColourTags;
	/** Average, over the whole file. */
	readonly framesPerSecond: number | undefined;
	/** Time of the first frame as cameras and editors count it: `10:00:00:00`, with a semicolon where numbers are dropped. */
	readonly timecode: string | undefined;
};

const ids = {
	...{ segment: 0x18538067, tracks: 0x1654ae6b, trackEntry: 0xae, video: 0xe0, colour: 0x55b0 },
	...{ tags: 0x1254c367, tag: 0x7373, simpleTag: 0x67c8, tagName: 0x45a3, tagString: 0x4487 },
	...{ defaultDuration: 0x23e383, matrix: 0x55b1, range: 0x55b9, transfer: 0x55ba, primaries: 0x55bb },
} as const;

const folders: ReadonlySet<number> = new Set([
	...[ids.segment, ids.tracks, ids.trackEntry, ids.video, ids.colour, ids.tags, ids.tag, ids.simpleTag],
]);

export const readMatroskaHeader = (header: Buffer): MatroskaTrack => {
	const numbers = new Map<number, number>();
	const tags = new Map<string, string>();
	let tagName = '';
	for (const { id, body } of elements(header)) {
		if (id === ids.tagName) {
			tagName = body.toString('utf8').toUpperCase();
		} else if (id === ids.tagString) {
			tags.set(tagName, body.toString('utf8').replaceAll('\0', ''));
		} else if (body.length > 0 && body.length <= 6) {
			numbers.set(id, body.readUIntBE(0, body.length));
		}
	}
	const nanoseconds = numbers.get(ids.defaultDuration);
	const named = (id: number, names: Readonly<Record<number, string>>) => names[numbers.get(id) ?? -1];
	const range = numbers.get(ids.range);
	return {
		colour: {
			range: range === 1 ? 'tv' : range === 2 ? 'pc' : undefined,
			matrix: named(ids.matrix, matrices),
			primaries: named(ids.primaries, primaries),
			transfer: named(ids.transfer, transfers),
		},
		framesPerSecond: nanoseconds ? 1e9 / nanoseconds : undefined,
		timecode: timecodeSchema.safeParse(tags.get('TIMECODE')).data,
	};
};

const timecodeSchema = z.string().regex(/^\d\d:[0-5]\d:[0-5]\d[:;.]\d\d\d?$/);

/** All elements, those in folders after their folder; stops where the bytes do not make sense. */
function* elements(bytes: Buffer): Generator<{ id: number; body: Buffer }> {
	let at = 0;
	while (at < bytes.length) {
		const id = variableLength(bytes, at, true);
		const size = id && variableLength(bytes, at + id.length, false);
		if (!id || !size) {
			return;
		}
		at += id.length + size.length;
		if (folders.has(id.value)) {
			continue;
		}
		const end = at + size.value;
		if (end > bytes.length) {
			return;
		}
		yield { id: id.value, body: bytes.subarray(at, end) };
		at = end;
	}
}

/** EBML's numbers (RFC 8794): the place of the first 1 bit tells how many bytes there are. */
const variableLength = (
	bytes: Buffer,
	at: number,
	keepsMarker: boolean,
): { value: number; length: number } | undefined => {
	const first = bytes[at] ?? 0;
	const length = Math.clz32(first) - 23;
	if (length > 8 || at + length > bytes.length) {
		return undefined;
	}
	let value = keepsMarker ? first : first & (0xff >> length);
	for (const byte of bytes.subarray(at + 1, at + length)) {
		value = value * 256 + byte;
	}
	return { value, length };
};

/** ffmpeg's names for the numbers of ISO/IEC 23091-2 (and ITU-T H.273). */
const matrices: Readonly<Record<number, string>> = {
	...{ 0: 'gbr', 1: 'bt709', 4: 'fcc', 5: 'bt470bg', 6: 'smpte170m', 7: 'smpte240m', 8: 'ycgco' },
	...{
		9: 'bt2020nc',
		10: 'bt2020c',
		11: 'smpte2085',
		12: 'chroma-derived-nc',
		13: 'chroma-derived-c',
		14: 'ictcp',
	},
};

const primaries: Readonly<Record<number, string>> = {
	...{ 1: 'bt709', 4: 'bt470m', 5: 'bt470bg', 6: 'smpte170m', 7: 'smpte240m', 8: 'film', 9: 'bt2020' },
	...{ 10: 'smpte428', 11: 'smpte431', 12: 'smpte432', 22: 'jedec-p22' },
};

const transfers: Readonly<Record<number, string>> = {
	...{
		1: 'bt709',
		4: 'gamma22',
		5: 'gamma28',
		6: 'smpte170m',
		7: 'smpte240m',
		8: 'linear',
		9: 'log100',
		10: 'log316',
	},
	...{
		11: 'iec61966-2-4',
		12: 'bt1361e',
		13: 'iec61966-2-1',
		14: 'bt2020-10',
		15: 'bt2020-12',
		16: 'smpte2084',
	},
	...{ 17: 'smpte428', 18: 'arib-std-b67' },
};
