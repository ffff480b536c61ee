import { describe, expect, test } from 'vitest';
import { clockOf, FrameTicks } from '../../src/output/frame-clock.js';

const fraction = (numerator: number, denominator = 1) => ({ numerator, denominator });

const rates = [
	...[fraction(24000, 1001), fraction(30000, 1001), fraction(60000, 1001), fraction(120000, 1001)],
	...[15, 24, 25, 30, 48, 50, 60, 120].map((whole) => fraction(whole)),
	...[fraction(25, 2), fraction(15, 2), fraction(179, 6)],
];

describe("an output's clock", () => {
	test.each([
		{ rate: fraction(24000, 1001), tickSeconds: 1 / 24000, clock: 24000 },
		{ rate: fraction(24000, 1001), tickSeconds: 0.001, clock: 24000 },
		{ rate: fraction(60000, 1001), tickSeconds: 0.001, clock: 60000 },
		{ rate: fraction(30000, 1001), tickSeconds: 1 / 90000, clock: 90000 },
		{ rate: fraction(25), tickSeconds: 1 / 12800, clock: 12800 },
		{ rate: fraction(60), tickSeconds: 0.001, clock: 12000 },
		// A rate that is only an average of a variable one: the file's own clock.
		{ rate: fraction(3628800, 502589), tickSeconds: 1 / 57600, clock: 57600 },
		{ rate: undefined, tickSeconds: undefined, clock: 90000 },
	])('of $rate and ticks of $tickSeconds s is $clock', ({ clock, ...timing }) => {
		expect(clockOf(timing)).toBe(clock);
	});

	test.each(rates)(
		'frames of %o last equally long, from files that round times to milliseconds too',
		(rate) => {
			const frame = rate.denominator / rate.numerator;
			for (const tickSeconds of [0.001, 1 / 90000, 1 / (rate.numerator * 512)]) {
				for (const begin of [0, 0.0213, 1.4]) {
					const timing = { rate, tickSeconds };
					const clock = clockOf(timing);
					const ticks = new FrameTicks(timing, clock, 1);
					const times = Array.from({ length: 500 }, (_, n) =>
						ticks.next(Math.round((begin + n * frame) / tickSeconds) * tickSeconds),
					);
					const lengths = new Set(times.slice(1).map((time, n) => time - (times[n] ?? 0)));
					expect([...lengths]).toEqual([(clock * rate.denominator) / rate.numerator]);
					expect(ticks.isConstant).toBe(true);
					expect(ticks.lastDurationSeconds).toBeCloseTo(frame, 9);
					expect(ticks.endSeconds).toBeCloseTo(begin + 500 * frame, 2);
				}
			}
		},
	);

	test('frames that do not keep to the rate stay where they are', () => {
		const timing = { rate: fraction(30), tickSeconds: 1 / 90000 };
		const clock = clockOf(timing);
		const ticks = new FrameTicks(timing, clock, 1);
		const times = [0, 0.0453, 0.0786, 0.3, 0.301].map((time) => Math.round(time * 90000) / 90000);
		expect(times.map((time) => ticks.next(time) / clock)).toEqual(
			times.map((time) => expect.closeTo(time, 5)),
		);
		expect(ticks.isConstant).toBe(false);
	});

	test('two frames at one time, or back in time, are told apart', () => {
		const ticks = new FrameTicks({ rate: undefined, tickSeconds: undefined }, 1000, 1);
		expect([0, 0.04, 0.04, 0.03, 0.5].map((time) => ticks.next(time))).toEqual([0, 40, 41, 42, 500]);
	});
});
