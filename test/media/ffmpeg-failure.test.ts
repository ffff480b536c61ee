import { expect, test } from 'vitest';
import { ffmpegFailure } from '../../src/media/ffmpeg-failure.js';

test('a clip of which no picture comes is told as that, whatever advice ffmpeg has for its own options', () => {
	for (const line of [
		'Output file is empty, nothing was encoded (check -ss / -t / -frames parameters if used)',
		'[out#0/rawvideo @ 0x5] Output file is empty, nothing was encoded(check -ss / -t / -frames parameters if used)',
		'Output file #0 is empty, nothing was encoded',
	]) {
		const { message } = ffmpegFailure('a.mov', [line, 'Conversion failed!']);
		expect(message).toMatch(/^This ffmpeg gets no picture out of "a\.mov": .*--ffmpeg/);
		expect(message).not.toContain('-ss');
	}
});

test('a cause that stands before it is told in its place', () => {
	const lines = ['moov atom not found', 'Output file is empty, nothing was encoded'];
	expect(ffmpegFailure('a.mov', lines).message).toContain('its index');
});
