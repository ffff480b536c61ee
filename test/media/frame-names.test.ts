import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FrameNames, isFramePattern } from '../../src/media/frame-names.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe('a pattern of names', () => {
	test('is a picture’s name with a place for a number', () => {
		for (const path of ['shot.%04d.exr', 'a b/shot_%d.PNG', 'out/%05d.png', 'x%3d.tif']) {
			expect(isFramePattern(path), path).toBe(true);
		}
		for (const path of [
			'shot.exr',
			'shots.%04d/a.png',
			'shot.%04d.mp4',
			'shot.%04d',
			'100%.png',
			'a%s.png',
		]) {
			expect(isFramePattern(path), path).toBe(false);
		}
	});

	test.each([
		['shot.%04d.exr', 7, 'shot.0007.exr'],
		['shot.%04d.exr', 123456, 'shot.123456.exr'],
		['shot_%d.png', 7, 'shot_7.png'],
		['%4d.png', 7, '0007.png'],
		['take 10 %03d-v2.png', 0, 'take 10 000-v2.png'],
	])('%s calls frame %i %s, and knows it again', (pattern, number, name) => {
		const names = FrameNames.ofPattern(join('out', pattern));
		expect(names.nameOf(number)).toBe(name);
		expect(names.matches(name)).toBe(true);
		expect(names.folder).toBe('out');
	});

	test('is not the name of anything else', () => {
		const names = FrameNames.ofPattern('shot.%04d.png');
		const others = [
			'shot.007.png',
			'shot.00007.png',
			'shot.0007.exr',
			'ashot.0007.png',
			'shot.png',
			'shot..png',
		];
		for (const name of [...others, 'shot.000a.png', 'shotX0007.png', 'shot.%04d.png']) {
			expect(names.matches(name), name).toBe(false);
		}
	});

	test.each([
		['%02d/%02d-%03d.png', /several places/],
		['shot.%99d.png', /too long/],
		[`${'x'.repeat(200)}%04d.png`, /too long/],
	])('%s is refused', (pattern, message) => {
		expect(() => FrameNames.ofPattern(pattern)).toThrow(message);
	});

	test('is told apart from others by what its names can be', () => {
		const family = (path: string): string => FrameNames.ofPattern(path).family;
		expect(family('out/shot.%04d.png')).toBe(family('./out/shot.%d.png'));
		expect(family('out/%05d.png')).toBe(FrameNames.inFolder('out').family);
		expect(family('out/shot.%04d.png')).not.toBe(family('out/shot.%04d.exr'));
	});

	test('has the object before the number', () => {
		const names = (path: string): string => FrameNames.ofPattern(path).ofObject(2).nameOf(7);
		expect(names('shot-mattes.%04d.png')).toBe('shot-mattes-2.0007.png');
		expect(names('shot%d.exr')).toBe('shot-2.7.exr');
		expect(names('%04d.png')).toBe('2.0007.png');
		expect(FrameNames.inFolder('out', '.exr').ofObject(2)).toMatchObject({ folder: join('out', '2') });
	});

	test('knows the names of objects, too', () => {
		const names = FrameNames.ofPattern('shot-mattes.%04d.png');
		for (const name of ['shot-mattes.0007.png', 'shot-mattes-2.0007.png', 'shot-mattes-255.12345.png']) {
			expect(names.matchesWithObjects(name), name).toBe(true);
		}
		for (const name of [
			'shot-mattes-x.0007.png',
			'shot-mattes-2.07.png',
			'shot-mattes-2.0007.exr',
			'shot.0007.png',
		]) {
			expect(names.matchesWithObjects(name), name).toBe(false);
		}
		expect(FrameNames.ofPattern('%04d.png').matchesWithObjects('2.0007.png')).toBe(true);
	});

	test('is a folder where there is one of that name', async () => {
		const path = join(temporaryFolder(), 'shot.%04d.png');
		expect((await FrameNames.of(path)).isPattern).toBe(true);
		mkdirSync(path);
		expect((await FrameNames.of(path)).nameOf(7)).toBe('00007.png');
	});
});
