import { writeFailure } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';

/**
 * What a line of ffmpeg's stderr means for the person who gave the file. The first rule with a matching line wins, so
 * causes come before the general complaints that follow from them.
 */
const meanings: readonly (readonly [RegExp, (file: string, detail: string) => string])[] = [
	[
		/No space left on device/i,
		(file) => `The disk is full while working on ${file}; free some space and run again.`,
	],
	[
		/Protocol '?(\w+)'? not on whitelist/i,
		(file, protocol) =>
			`${file} refers to another address (${protocol}:), which is not followed; give the video file itself.`,
	],
	[
		/Format not on whitelist/i,
		(file) =>
			`${file} is not a video itself (a playlist, a manifest, a script or a picture); give the video file itself.`,
	],
	[
		/moov atom not found/i,
		(file) =>
			`${file} cannot be read: its index (the "moov" part) cannot be found; the file is cut short, damaged or no video at all, so copy or export it again.`,
	],
	[
		/EBML header parsing failed|Invalid data found when processing input$/i,
		(file) => `${file} is not a video that ffmpeg can read, or it is damaged; give a video file.`,
	],
	[
		/Unknown (?:encoder|decoder) '?([\w-]+)'?|No such filter: '?([\w-]+)'?/i,
		(file, name) => `This ffmpeg lacks "${name}", needed for ${file}; name a fuller ffmpeg with --ffmpeg.`,
	],
	[
		/Decoder \(codec (\S+)\) not found/i,
		(file, name) =>
			`${file} is in a format (${name}) that this ffmpeg cannot decode; convert it, or name a fuller ffmpeg with --ffmpeg.`,
	],
	[
		/Permission denied/i,
		(file) => `${file} may not be opened (permission denied); change its permissions or choose another.`,
	],
	[/Read-only file system/i, (file) => `${file} is on a read-only disk; choose another place.`],
	[/No such file or directory/i, (file) => `${file} does not exist; check the path.`],
	[
		/does not contain any stream|matches no streams/i,
		(file) => `${file} contains no video; give a file with a video track.`,
	],
	[
		/Output file (?:#\d+ )?is empty, nothing was encoded/i,
		(file) =>
			`This ffmpeg gets no picture out of ${file}: it is damaged, or in a format that this ffmpeg does not know; name a newer ffmpeg with --ffmpeg, or convert it.`,
	],
];

/**
 * One sentence about `file` from the last lines of ffmpeg's stderr.
 *
 * @param file the file as the person knows it
 * @param lines stderr, oldest first
 */
export const ffmpegFailure = (file: string, lines: readonly string[]): UserError => {
	for (const [pattern, sentence] of meanings) {
		for (const line of lines) {
			const match = pattern.exec(line.trim());
			if (match) {
				return new UserError(sentence(quoted(file), match.slice(1).find((group) => group) ?? ''));
			}
		}
	}
	const last = lines.findLast((line) => line.trim() !== '' && !line.startsWith('Conversion failed'));
	return new UserError(`ffmpeg could not process ${quoted(file)}: ${last?.trim() ?? 'it gave no reason'}.`);
};

/** What it means that a signal ended ffmpeg: what it had said until then is about something else. */
export const endOfFfmpeg = (file: string, signal: NodeJS.Signals): unknown => {
	if (signal === 'SIGXFSZ') {
		return writeFailure(file, { code: 'EFBIG' });
	}
	return new Error(
		/^SIG(SEGV|BUS|ILL|FPE|ABRT|TRAP|SYS)$/.test(signal)
			? `ffmpeg crashed while working on ${quoted(file)} (${signal}); try another one with --ffmpeg.`
			: `ffmpeg was ended from outside while working on ${quoted(file)} (${signal}): by somebody, or because memory ran out; run again.`,
	);
};

const quoted = (file: string): string => `"${file}"`;
