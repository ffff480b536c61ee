import { describe, expect, test } from 'vitest';
import { framesOfTimecode, timecodeAt, timecodeOfFrames } from '../../src/output/timecode.js';

const ntsc = { numerator: 30000, denominator: 1001 };
const film = { numerator: 24000, denominator: 1001 };

describe('timecodes', () => {
	test.each([
		['10:00:00:00', { numerator: 24, denominator: 1 }, 864000],
		['00:00:59;29', ntsc, 1799],
		// The numbers 0 and 1 of a minute are left out, but not those of every tenth.
		['00:01:00;02', ntsc, 1800],
		['00:10:00;00', ntsc, 17982],
		['01:00:00;00', ntsc, 107892],
		['01:00:00:00', ntsc, 108000],
		['00:01:00;04', { numerator: 60000, denominator: 1001 }, 3600],
		['00:00:01:00', film, 24],
	])('%s is the right number of frames, and back', (text, rate, frames) => {
		expect(framesOfTimecode(text, rate)).toBe(frames);
		expect(timecodeOfFrames(frames, rate, text.includes(';'))).toBe(text);
	});

	test('each frame of ten minutes has a code of its own, and none that is left out', () => {
		const codes = Array.from({ length: 17982 }, (_, frame) => timecodeOfFrames(frame, ntsc, true));
		expect(new Set(codes).size).toBe(17982);
		expect(codes.filter((code) => /:(?!.0)\d\d:00;0[01]$/.test(code))).toEqual([]);
		codes.forEach((code, frame) => {
			if (framesOfTimecode(code, ntsc) !== frame) {
				throw new Error(`${code} is not frame ${frame}.`);
			}
		});
	});

	test('an excerpt begins later, and a day begins anew', () => {
		expect(timecodeAt({ timecode: '10:00:00:00', rate: { numerator: 25, denominator: 1 } }, 2)).toBe(
			'10:00:02:00',
		);
		expect(timecodeAt({ timecode: '23:59:59:24', rate: { numerator: 25, denominator: 1 } }, 0.04)).toBe(
			'00:00:00:00',
		);
		expect(timecodeAt({ timecode: '00:00:59;29', rate: ntsc }, 1001 / 30000)).toBe('00:01:00;02');
	});

	test('what is no timecode is none', () => {
		expect(framesOfTimecode('10:00:00:24', { numerator: 24, denominator: 1 })).toBeUndefined();
		expect(framesOfTimecode('ten', ntsc)).toBeUndefined();
		expect(timecodeAt({ timecode: undefined, rate: ntsc }, 0)).toBeUndefined();
	});
});
