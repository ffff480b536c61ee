import { expect, it } from 'vitest';
import { discard } from '../../src/core/discard.js';

it('frees the memory of arrays at once, once for all that lie in it', () => {
	const before = process.memoryUsage().arrayBuffers;
	const floats = new Float32Array(2 ** 24);
	const bytes = new Uint8Array(floats.buffer, 16, 32);
	discard([floats, bytes]);
	expect([floats.length, bytes.length]).toEqual([0, 0]);
	expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(floats.BYTES_PER_ELEMENT * 2 ** 23);
});

it('leaves memory alone that other threads may be looking at', () => {
	const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
	discard([shared]);
	expect([...shared]).toEqual(Array(8).fill(7));
});
