import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ObsError } from '../../../plugin/obs/obs-error.js';
import { isPainted, saveToPaintOn } from '../../../plugin/obs/painting.js';
import { readLabelMap } from '../../../src/media/label-map.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';

const picture = () =>
	sharp({ create: { width: 8, height: 4, channels: 3, background: '#369' } })
		.png()
		.toBuffer();

describe('a picture to paint on', () => {
	it('counts as painted once something on it is opaque', async () => {
		const path = join(temporaryFolder(), 'paint.png');
		await saveToPaintOn(await picture(), path);
		expect(await isPainted(path)).toBe(false);

		const brush = { create: { width: 3, height: 2, channels: 4, background: '#fff' } } as const;
		writeFileSync(
			path,
			await sharp(path)
				.composite([{ input: brush, left: 1, top: 1 }])
				.png()
				.toBuffer(),
		);
		expect(await isPainted(path)).toBe(true);
	});

	it('is a mask for the engine: the painted pixels and no others', async () => {
		const path = join(temporaryFolder(), 'paint.png');
		await saveToPaintOn(await picture(), path);
		const brush = { create: { width: 3, height: 2, channels: 4, background: '#f00' } } as const;
		writeFileSync(
			path,
			await sharp(path)
				.composite([{ input: brush, left: 1, top: 1 }])
				.png()
				.toBuffer(),
		);
		const { ids } = await readLabelMap(path);
		const rows = [0, 1, 2, 3].map((row) => [...ids.subarray(8 * row, 8 * row + 8)].join(''));
		expect(rows).toEqual(['00000000', '01110000', '01110000', '00000000']);
	});

	it('is refused when it is a drawing, cut off, or anything else', async () => {
		const path = join(temporaryFolder(), 'paint.png');
		const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>';
		for (const given of [Buffer.from(drawing), (await picture()).subarray(0, 40), Buffer.alloc(0)]) {
			await expect(saveToPaintOn(given, path)).rejects.toThrow(ObsError);
		}
		expect(existsSync(path)).toBe(false);
	});

	it('is not painted while the paint program has saved half of it', async () => {
		const path = join(temporaryFolder(), 'paint.png');
		writeFileSync(path, (await picture()).subarray(0, 40));
		expect(await isPainted(path)).toBe(false);
	});
});
