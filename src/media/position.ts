import { UserError } from '../core/errors.js';

/** A place in a clip: a frame number from 0, or seconds from the start. */
export type Position = { readonly frame: number } | { readonly seconds: number };

/**
 * Reads a place as it is typed: `37` is a frame number, `1.5s` and `00:00:01.5` are times.
 *
 * @throws UserError for anything else.
 */
export const parsePosition = (text: string): Position => {
	const trimmed = text.trim();
	if (/^\d{1,9}$/.test(trimmed)) {
		return { frame: Number(trimmed) };
	}
	const seconds = /^(\d{1,9}(?:\.\d+)?|\.\d+)s$/.exec(trimmed);
	if (seconds) {
		return { seconds: Number(seconds[1]) };
	}
	const clock = /^(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$/.exec(trimmed);
	if (clock) {
		return { seconds: Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) };
	}
	throw new UserError(
		`"${text}" is not a place in a clip; give a frame number like 37, or a time like 1.5s or 00:00:01.5.`,
	);
};

/** Frames a second as they are typed: `24`, `29.97`, `30000/1001`. Undefined for anything else, and below 0.01 or above 1000. */
export const parseFrameRate = (text: string): number | undefined => {
	const parts = /^(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/.exec(text.trim());
	const rate = Number(parts?.[1]) / Number(parts?.[2] ?? 1);
	return rate >= 0.01 && rate <= 1000 ? rate : undefined;
};
