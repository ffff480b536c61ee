import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LabelMap } from '../../src/core/frame.js';
import { type CarriedMask, davisTable, evaluateDavis } from '../../src/evaluation/evaluate-davis.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { draw } from './masks.js';

let root: string;
beforeEach(async () => {
	root = await mkdtemp(join(tmpdir(), 'davis-'));
});
afterEach(() => rm(root, { recursive: true }));

const folders = async (sequence: string): Promise<[frames: string, masks: string]> => {
	const both = ['JPEGImages', 'Annotations'].map((kind) => join(root, kind, '480p', sequence));
	await Promise.all(both.map((folder) => mkdir(folder, { recursive: true })));
	return both as [string, string];
};

const name = (index: number): string => String(index).padStart(5, '0');

/** A sequence of indexed annotations, drawn as text; the frames are black. */
const makeSequence = async (sequence: string, masks: string[][]): Promise<void> => {
	const [frames, annotations] = await folders(sequence);
	for (const [index, rows] of masks.entries()) {
		const map = { ...draw(...rows), palette: davisPalette };
		await writeIndexedPng(join(annotations, `${name(index)}.png`), map);
		await sharp({ create: { width: map.width, height: map.height, channels: 3, background: 'black' } })
			.jpeg()
			.toFile(join(frames, `${name(index)}.jpg`));
	}
};

const sameMask = (count: number) =>
	async function* (_: unknown, first: LabelMap): AsyncGenerator<CarriedMask> {
		for (let index = 0; index < count; index++) {
			yield { index, ids: first.ids };
		}
	};

describe('evaluation on a folder in DAVIS layout', () => {
	it('leaves out the first and the last frame and takes the mean over objects, not over sequences', async () => {
		// In "still" nothing moves. In "three" object 1 stays, 2 vanishes and 3 is there in half of the frames; the last
		// frame, where all is wrong, does not count.
		await makeSequence('still', [['1...'], ['1...'], ['1...'], ['...1']]);
		await makeSequence('three', [['1.2.3'], ['1...3'], ['1....'], ['32..1']]);
		const score = await evaluateDavis({ root, propagate: sameMask(4) });
		expect(score.objects).toBe(4);
		expect(score.sequences.map(({ name, j }) => [name, j.mean])).toEqual([
			['still', 1],
			['three', (1 + 0 + 0.5) / 3],
		]);
		expect(score.j.mean).toBeCloseTo((1 + 1 + 0 + 0.5) / 4, 12);
		expect(score.frames).toBe(8);
		expect(davisTable(score)).toContain('| mean over objects |');
	});

	it('counts frames that the method does not give as empty', async () => {
		await makeSequence('still', [['1...'], ['1...'], ['1...'], ['1...']]);
		const score = await evaluateDavis({ root, propagate: sameMask(2) });
		expect(score.j.mean).toBe(0.5);
	});

	it('reads binary grey masks, where whatever is not 0 is the object', async () => {
		const [frames, annotations] = await folders('grey');
		const rows = [
			[0, 255, 255, 0],
			[0, 255, 90, 0],
			[0, 255, 255, 0],
		];
		for (const [index, row] of rows.entries()) {
			const image = sharp(Uint8Array.from(row), { raw: { width: 4, height: 1, channels: 1 } });
			await image
				.clone()
				.toColourspace('b-w')
				.png()
				.toFile(join(annotations, `${name(index)}.png`));
			await image.jpeg().toFile(join(frames, `${name(index)}.jpg`));
		}
		const score = await evaluateDavis({ root, propagate: sameMask(3) });
		expect(score.objects).toBe(1);
		expect(score.jAndF).toBe(1);
	});

	it('evaluates only the wanted sequences, and at most so many', async () => {
		const masks = [['1.'], ['1.'], ['1.']];
		for (const sequence of ['a', 'b', 'c']) {
			await makeSequence(sequence, masks);
		}
		const names = async (options: { sequences?: string[]; limit?: number }) =>
			(await evaluateDavis({ root, propagate: sameMask(3), ...options })).sequences.map(({ name }) => name);
		expect(await names({ sequences: ['c', 'a'] })).toEqual(['c', 'a']);
		expect(await names({ limit: 2 })).toEqual(['a', 'b']);
	});

	it('says what is wrong with the folder', async () => {
		await expect(evaluateDavis({ root, propagate: sameMask(1) })).rejects.toThrow('is not a DAVIS folder');
		await makeSequence('a', [['1.'], ['1.'], ['1.']]);
		await expect(evaluateDavis({ root, sequences: ['x'], propagate: sameMask(1) })).rejects.toThrow(
			'has no sequence "x"; it has a.',
		);
		await makeSequence('b', [['1.'], ['1.']]);
		await expect(evaluateDavis({ root, sequences: ['b'], propagate: sameMask(1) })).rejects.toThrow(
			'at least three',
		);
	});
});

describe.skipIf(!sharedAvailable)('evaluation on real sequences (needs ../shared)', () => {
	it('scores the truth itself as perfect, binary and indexed', async () => {
		const { readLabelMap } = await import('../../src/media/label-map.js');
		for (const [set, sequence, objects] of [
			['davis-train', 'dog-agility', 1],
			['davis-multi', 'schoolgirls', 7],
		] as const) {
			const score = await evaluateDavis({
				root: shared('data', set),
				sequences: [sequence],
				async *propagate({ annotations }) {
					for (const { index, path } of annotations) {
						yield { index, ids: (await readLabelMap(path)).ids };
					}
				},
			});
			expect(score.objects).toBe(objects);
			expect(score.jAndF).toBe(1);
		}
	});
});
