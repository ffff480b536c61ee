import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { formatNpy, parseNpy } from '../../src/store/npy.js';

describe('npy', () => {
	it('reads back what it writes, with the data at a multiple of 64 bytes', () => {
		const bytes = formatNpy(Float32Array.of(1, 2.5, -3, 4, 5, 6), [1, 2, 3]);
		expect(bytes.length).toBe(128 + 24);
		expect(parseNpy(bytes)).toEqual({ shape: [1, 2, 3], data: Float32Array.of(1, 2.5, -3, 4, 5, 6) });
		expect(parseNpy(formatNpy(Float32Array.of(7), [1])).shape).toEqual([1]);
	});

	it('refuses files that are not arrays, arrays of other types and truncated arrays', () => {
		expect(() => parseNpy(new TextEncoder().encode('not an array at all'))).toThrow(UserError);
		const bytes = formatNpy(Float32Array.of(1, 2), [2]);
		const complex = Buffer.from(bytes);
		complex.write('<c8', complex.indexOf('<f4'), 'latin1');
		expect(() => parseNpy(complex)).toThrow(/element type is <c8/);
		expect(() => parseNpy(bytes.subarray(0, -4))).toThrow(/holds 1 values but its shape is \[2\]/);
	});
});
