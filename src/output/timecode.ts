import type { ClipInfo, Fraction } from '../media/clip-info.js';

/**
 * Timecodes of SMPTE ST 12-1, `hours:minutes:seconds:frames`. Where the rate is 29.97 or 59.94, a semicolon (or a full stop)
 * before the frames says that the numbers 0 and 1 (or 0 to 3) are left out in minutes that are no multiples of ten, so that
 * the code keeps to the clock.
 */
const pattern = /^(\d\d):(\d\d):(\d\d)([:;.])(\d\d\d?)$/;

/** Numbers that are left out in such a minute, at so many whole frames a second. */
const droppedPerMinute = (perSecond: number): number => Math.round(perSecond / 15);

const wholeRate = ({ numerator, denominator }: Fraction): number => Math.round(numerator / denominator);

/** Whether a timecode leaves numbers out. */
export const isDropped = (timecode: string): boolean => /[;.]\d+$/.test(timecode);

/** How many frames after `00:00:00:00` a timecode is; undefined when it is none. */
export const framesOfTimecode = (text: string, rate: Fraction): number | undefined => {
	const [, hours = '', minutes = '', seconds = '', separator, frames = ''] = pattern.exec(text) ?? [];
	const perSecond = wholeRate(rate);
	if (separator === undefined || Number(frames) >= perSecond) {
		return undefined;
	}
	const wholeMinutes = Number(hours) * 60 + Number(minutes);
	const dropped =
		separator === ':' ? 0 : droppedPerMinute(perSecond) * (wholeMinutes - Math.floor(wholeMinutes / 10));
	return (wholeMinutes * 60 + Number(seconds)) * perSecond + Number(frames) - dropped;
};

/** The timecode of a number of frames after `00:00:00:00`; a day later it begins anew. */
export const timecodeOfFrames = (frames: number, rate: Fraction, isDropped: boolean): string => {
	const perSecond = wholeRate(rate);
	const perMinute = isDropped ? droppedPerMinute(perSecond) : 0;
	const tenMinutes = perSecond * 600 - perMinute * 9;
	const inDay = frames % (tenMinutes * 144);
	const tens = Math.floor(inDay / tenMinutes);
	// The first of ten minutes is whole, the others begin behind the numbers that are left out.
	const minuteOfTen = Math.max(
		0,
		Math.floor(((inDay % tenMinutes) - perMinute) / (perSecond * 60 - perMinute)),
	);
	const numbered = inDay + perMinute * (9 * tens + minuteOfTen);
	const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
	const seconds = Math.floor(numbered / perSecond);
	return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}${isDropped ? ';' : ':'}${two(numbered % perSecond)}`;
};

/** The timecode at a time of a clip that has one, to the nearest frame. */
export const timecodeAt = (
	{ timecode, rate }: Pick<ClipInfo, 'timecode' | 'rate'>,
	seconds: number,
): string | undefined => {
	const first = timecode !== undefined && rate ? framesOfTimecode(timecode, rate) : undefined;
	if (timecode === undefined || rate === undefined || first === undefined) {
		return undefined;
	}
	const later = Math.round((seconds * rate.numerator) / rate.denominator);
	return later === 0 ? timecode : timecodeOfFrames(first + later, rate, isDropped(timecode));
};
