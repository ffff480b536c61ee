import { expect, it } from 'vitest';
import { bytesAt, openKernels } from '../../src/kernels/kernels.js';

it('gives each its own bytes, where a vector may begin, and grows for them', () => {
	const kernels = openKernels();
	const [first, second] = [kernels.allocate(100_001), kernels.allocate(5)];
	expect(second - first).toBeGreaterThanOrEqual(100_001);
	expect([first % 16, second % 16]).toEqual([0, 0]);
	expect(bytesAt(kernels, first, 100_001).every((byte) => byte === 0)).toBe(true);
	expect(kernels.memory.buffer.byteLength).toBeLessThan(100_001 + 2 * 65_536 + 1024);
});

it('takes freed bytes again', () => {
	const kernels = openKernels();
	const [address] = [kernels.allocate(5_000_000), kernels.allocate(7)];
	const { byteLength } = kernels.memory.buffer;
	kernels.free(address);
	expect(kernels.allocate(5_000_000)).toBe(address);
	expect(kernels.memory.buffer.byteLength).toBe(byteLength);
});

it('refuses more than there can be, and goes on', () => {
	const kernels = openKernels();
	const before = kernels.allocate(100);
	expect(() => kernels.allocate(2 ** 32 - 64)).toThrow(RangeError);
	expect(kernels.allocate(0)).toBe(before + 112);
});

it('has a memory for each instance', () => {
	const [one, other] = [openKernels(), openKernels()];
	bytesAt(one, one.allocate(1), 1)[0] = 7;
	expect(bytesAt(other, other.allocate(1), 1)[0]).toBe(0);
});
