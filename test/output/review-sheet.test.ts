import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { davisPalette } from '../../src/media/davis-palette.js';
import { readImage } from '../../src/media/image.js';
import { ReviewSheet } from '../../src/output/review-sheet.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const size = { width: 80, height: 60 };
/** From the left of one picture on the sheet to the left of the next; what is between them is dark. */
const PITCH = { x: size.width + 6, y: size.height + 6 };

/** A frame of one colour, by which it is known again on the sheet. */
const frameOf = (index: number, confidence: number) => ({
	frame: {
		...{ index, timeSeconds: index / 25 },
		image: {
			...{ ...size, channels: 3 as const },
			data: new Uint8Array(size.width * size.height * 3).fill(50 + 3 * index),
		},
	},
	labels: { ...size, ids: new Uint8Array(size.width * size.height), palette: davisPalette },
	confidence,
});

/** Writes the sheet of a clip and reads which frames it shows, in their order. */
const shownOf = async (confidences: readonly number[]): Promise<number[]> => {
	const path = join(temporaryFolder(), 'sheet.png');
	const sheet = new ReviewSheet(path);
	for (const [index, confidence] of confidences.entries()) {
		sheet.add(frameOf(index, confidence));
	}
	await sheet.write();
	const { width, height, data } = await readImage(path);
	const shown: number[] = [];
	for (let y = 6 + size.height / 2; y < height; y += PITCH.y) {
		for (let x = 6 + size.width / 2; x < width; x += PITCH.x) {
			const grey = data[(y * width + x) * 3] ?? 0;
			if (grey !== 40) {
				shown.push((grey - 50) / 3);
			}
		}
	}
	return shown;
};

describe('ReviewSheet', () => {
	it('shows the frames that are trusted least, in the order of time, and no two of one place', async () => {
		const confidences = Array.from({ length: 60 }, (_, index) => 0.9 - index / 1000);
		confidences[30] = 0.1;
		confidences[31] = 0.15;
		confidences[8] = 0.2;
		const shown = await shownOf(confidences);
		expect(shown).toHaveLength(12);
		expect(shown).toEqual(shown.toSorted((a, b) => a - b));
		expect(shown).toEqual(expect.arrayContaining([8, 30, 59]));
		expect(shown).not.toContain(31);
		expect(shown).not.toContain(0);
	});

	it('shows all of a few frames', async () => {
		expect(await shownOf([0.9, 0.2, 0.5])).toEqual([0, 1, 2]);
	});

	it('shows a mask in its colour', async () => {
		const path = join(temporaryFolder(), 'sheet.png');
		const sheet = new ReviewSheet(path);
		const { frame, labels, confidence } = frameOf(0, 0.5);
		labels.ids.fill(1, 40 * size.width);
		sheet.add({ frame, labels, confidence });
		await sheet.write();
		const { width, data } = await readImage(path);
		const [red = 0, green = 0] = data.subarray(((6 + 50) * width + 46) * 3);
		expect(red - green).toBeGreaterThan(40);
	});

	it('is an image when there is nothing to review, and has a name of one', async () => {
		const path = join(temporaryFolder(), 'sheet.png');
		await new ReviewSheet(path).write();
		expect(await readImage(path)).toMatchObject({ width: 1, height: 1 });
		expect(() => new ReviewSheet('sheet.txt')).toThrow(/name for an image/);
	});
});
