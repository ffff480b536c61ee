import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { openClip } from '../../src/media/clip.js';
import { FramePool } from '../../src/media/frame-pool.js';
import { sample } from '../helpers/cli.js';

const end = { frame: 12 };

it('has a clip decoded to a few places, over and over, with the same pixels', async () => {
	const clip = await openClip(sample('birds/clip.mp4'));
	const hashOf = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
	const expected: string[] = [];
	for await (const { image } of clip.frames({ end })) {
		expected.push(hashOf(image.data));
	}
	const pool = new FramePool();
	const places = new Set<ArrayBufferLike>();
	const found: string[] = [];
	for await (const { image } of clip.frames({ end, pool })) {
		found.push(hashOf(image.data));
		places.add(image.data.buffer);
		pool.giveBack(image);
	}
	expect(found).toEqual(expected);
	expect(new Set(found).size).toBe(12);
	// One is looked at while one or two more are decoded.
	expect(places.size).toBeLessThanOrEqual(5);
});

it('gives memory for frames of another size, and keeps none that only one thread can see', () => {
	const pool = new FramePool();
	const small = pool.take(12);
	pool.giveBack({ width: 2, height: 2, channels: 3, data: small });
	expect(pool.take(27)).toHaveLength(27);
	const own = new Uint8Array(12);
	pool.giveBack({ width: 2, height: 2, channels: 3, data: own });
	expect(pool.take(12).buffer).not.toBe(own.buffer);
});
