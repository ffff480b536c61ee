import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { formatResults } from '../../src/pairs/format-results.js';
import type { KeypointJobs, KeypointResult } from '../../src/pairs/keypoint-job.js';
import { readJobs } from '../../src/pairs/read-jobs.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const jobFile = (name: string, content: unknown): string => {
	const path = join(temporaryFolder(), name);
	writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
	return path;
};

/** Every point is found one pixel to the right and two below. */
const resultsOf = ({ jobs }: KeypointJobs, score = 0.5): KeypointResult[] =>
	jobs.map((job) => ({
		job,
		matches: job.points.map((source) => ({ source, target: [source[0] + 1, source[1] + 2], score })),
		found: [...job.points.keys()],
		error: undefined,
	}));

const coco = {
	info: { description: 'kept' },
	images: [
		{ id: 7, file_name: 'a.jpg', width: 100, height: 80 },
		{ id: 8, file_name: 'b.jpg' },
		{ id: 9, file_name: 'c.jpg' },
	],
	annotations: [
		{ id: 5, image_id: 7, category_id: 3, keypoints: [10, 20, 2, 0, 0, 0, 30, 45, 1], bbox: [1, 2, 3, 4] },
	],
	categories: [{ id: 3, name: 'bird', keypoints: ['beak', 'eye', 'tail'], skeleton: [[1, 2]] }],
};

describe('job files', () => {
	it('in JSON of our own, with and without names', async () => {
		const { format, jobs } = await readJobs(
			jobFile('jobs.json', [
				{ source: 'a.jpg', target: 'b.jpg', points: [[1, 2], { x: 3, y: 4.5, name: 'eye' }] },
			]),
		);
		expect(format).toBe('json');
		expect(jobs).toEqual([
			{
				source: 'a.jpg',
				target: 'b.jpg',
				points: [
					[1, 2],
					[3, 4.5],
				],
				names: [undefined, 'eye'],
			},
		]);
	});

	it('in CSV: rows of the same two images are one job', async () => {
		const { jobs } = await readJobs(
			jobFile(
				'jobs.csv',
				'source,target,name,x,y\na.jpg,b.jpg,eye,1,2\na.jpg,c.jpg,,5,6\na.jpg,b.jpg,,3,4\n',
			),
		);
		expect(jobs.map(({ target, points }) => [target, points.length])).toEqual([
			['b.jpg', 2],
			['c.jpg', 1],
		]);
		expect(jobs[0]?.names).toEqual(['eye', undefined]);
	});

	it('in COCO: the annotated image to all others, labelled points only', async () => {
		const { format, jobs } = await readJobs(jobFile('coco.json', coco));
		expect(format).toBe('coco');
		expect(jobs.map(({ source, target }) => `${source} ${target}`)).toEqual(['a.jpg b.jpg', 'a.jpg c.jpg']);
		expect(jobs[0]?.points).toEqual([
			[10, 20],
			[30, 45],
		]);
		expect(jobs[0]?.names).toEqual(['beak', 'tail']);
	});

	it("in the paper's and in SPair-71k's own way", async () => {
		const released = await readJobs(
			jobFile('a.json', [{ source_path: 'cat/a.jpg', target_path: 'cat/b.jpg', source_points: [[1, 2]] }]),
		);
		const original = await readJobs(
			jobFile('b.json', {
				src_imname: 'a.jpg',
				trg_imname: 'b.jpg',
				category: 'cat',
				src_kps: [[1, 2]],
				kps_ids: ['4'],
			}),
		);
		for (const { format, jobs } of [released, original]) {
			expect(format).toBe('spair');
			expect([jobs[0]?.source, jobs[0]?.target, jobs[0]?.points]).toEqual([
				'cat/a.jpg',
				'cat/b.jpg',
				[[1, 2]],
			]);
		}
	});

	it('that cannot be used are refused with what is expected', async () => {
		await expect(readJobs('/nowhere/jobs.json')).rejects.toThrow(/does not exist/);
		await expect(readJobs(jobFile('a.json', '{'))).rejects.toThrow(/not valid JSON/);
		await expect(readJobs(jobFile('a.json', [{ source: 'a' }]))).rejects.toThrow(/expected \[\{"source"/);
		await expect(readJobs(jobFile('a.csv', 'source,x,y\na,1,2\n'))).rejects.toThrow(/no column target/);
		await expect(readJobs(jobFile('a.csv', 'source,target,x,y\na,b,1,\n'))).rejects.toThrow(/Line 2/);
		await expect(readJobs(jobFile('a.json', { ...coco, annotations: [] }))).rejects.toThrow(
			/asks for nothing/,
		);
	});
});

describe('result files', () => {
	it('COCO jobs come back as their file with an annotation for every image', async () => {
		const jobs = await readJobs(jobFile('coco.json', coco));
		const sizes = new Map([['b.jpg', { width: 50, height: 40 }]]);
		const written = JSON.parse(formatResults('coco', jobs, resultsOf(jobs), sizes));
		expect(written.info).toEqual(coco.info);
		expect(written.categories).toEqual(coco.categories);
		expect(written.images[1]).toEqual({ id: 8, file_name: 'b.jpg', width: 50, height: 40 });
		expect(written.annotations[0]).toEqual(coco.annotations[0]);
		expect(written.annotations.slice(1)).toEqual(
			[8, 9].map((image, index) => ({
				id: 6 + index,
				image_id: image,
				category_id: 3,
				keypoints: [11, 22, 2, 0, 0, 0, 31, 47, 1],
				num_keypoints: 2,
				bbox: [11, 22, 20, 25],
				area: 500,
				iscrowd: 0,
				score: 0.5,
			})),
		);
	});

	it('of several annotated images the one that matches best wins', async () => {
		const two = {
			...coco,
			images: [...coco.images, { id: 10, file_name: 'd.jpg' }],
			annotations: [
				...coco.annotations,
				{ id: 6, image_id: 10, category_id: 3, keypoints: [70, 60, 2, 0, 0, 0, 0, 0, 0] },
			],
		};
		const jobs = await readJobs(jobFile('coco.json', two));
		const results = resultsOf(jobs).map((result) => ({
			...result,
			matches: result.matches?.map((match) => ({
				...match,
				score: result.job.source === 'd.jpg' && result.job.target === 'c.jpg' ? 0.9 : 0.5,
			})),
		}));
		const written = JSON.parse(formatResults('coco', jobs, results, new Map()));
		const carried = written.annotations.slice(2) as { image_id: number; keypoints: number[] }[];
		expect(carried.map(({ image_id, keypoints }) => [image_id, keypoints[0]])).toEqual([
			[8, 11],
			[9, 71],
		]);
	});

	it('other jobs can be written as COCO, as CSV and as SPair pairs', async () => {
		const jobs = await readJobs(
			jobFile('jobs.json', [
				{ source: 'a.jpg', target: 'b.jpg', points: [{ x: 1, y: 2, name: 'eye' }] },
				{ source: 'a.jpg', target: 'c.jpg', points: [{ x: 1, y: 2, name: 'eye' }] },
			]),
		);
		const results = resultsOf(jobs);
		const written = JSON.parse(formatResults('coco', jobs, results, new Map()));
		// The points that were given are an annotation, once, beside those that were found.
		expect(written.annotations.map((one: { image_id: number }) => one.image_id)).toEqual([1, 2, 3]);
		expect(written.categories).toEqual([{ id: 1, name: 'object', keypoints: ['eye'], skeleton: [] }]);
		expect(formatResults('csv', jobs, results, new Map())).toBe(
			'source,target,name,x,y,target_x,target_y,score\na.jpg,b.jpg,eye,1,2,2,4,0.5\na.jpg,c.jpg,eye,1,2,2,4,0.5\n',
		);
		const spair = JSON.parse(formatResults('spair', jobs, results, new Map()));
		expect(spair[1]).toEqual({
			source_path: 'a.jpg',
			target_path: 'c.jpg',
			source_points: [[1, 2]],
			target_points: [[2, 4]],
			scores: [0.5],
		});
	});

	it('keep how visible a point is, and leave out points that were not looked for', async () => {
		const document = {
			images: [
				{ id: 0, file_name: 'a.jpg' },
				{ id: 1, file_name: 'b.jpg' },
			],
			categories: [{ id: 0, name: 'bird', keypoints: ['eye', 'beak', 'wing', 'tail'] }],
			annotations: [{ id: 0, image_id: 0, category_id: 0, keypoints: [5, 6, 2, -3, 5, 2, 0, 0, 0, 7, 8, 1] }],
		};
		const jobs = await readJobs(jobFile('coco.json', document));
		const results = resultsOf(jobs).map((result) => ({
			...result,
			found: [0, 2],
			matches: [0, 2].flatMap((point) => result.matches?.[point] ?? []),
		}));
		const written = JSON.parse(formatResults('coco', jobs, results, new Map())) as {
			annotations: { keypoints: number[]; num_keypoints: number }[];
		};
		expect(written.annotations[1]).toMatchObject({
			keypoints: [6, 8, 2, 0, 0, 0, 0, 0, 0, 8, 10, 1],
			num_keypoints: 2,
		});
		const named = JSON.parse(formatResults('json', jobs, results, new Map())) as {
			results: { matches: { name: string }[] }[];
		};
		expect(named.results[0]?.matches.map(({ name }) => name)).toEqual(['eye', 'tail']);
		const spair = JSON.parse(formatResults('spair', jobs, results, new Map())) as {
			source_points: unknown;
		}[];
		expect(spair[0]?.source_points).toEqual([
			[5, 6],
			[7, 8],
		]);
	});

	it('are read with a byte order mark, whatever its coding', async () => {
		const text = JSON.stringify([{ source: 'ä.jpg', target: 'b.jpg', points: [[1, 2]] }]);
		const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
		for (const bytes of [Buffer.from(`\ufeff${text}`), utf16, Buffer.from(utf16).swap16()]) {
			const path = join(temporaryFolder(), 'jobs.json');
			writeFileSync(path, bytes);
			expect((await readJobs(path)).jobs[0]?.source).toBe('ä.jpg');
		}
		const csv = join(temporaryFolder(), 'jobs.csv');
		writeFileSync(csv, '\ufeffsource,target,x,y\na.jpg,b.jpg,1,2\n');
		expect((await readJobs(csv)).jobs[0]?.source).toBe('a.jpg');
		// Of columns with the same name the first counts, and nothing is said on the terminal.
		const warn = vi.spyOn(console, 'warn');
		writeFileSync(csv, 'source,target,x,x,y\na.jpg,b.jpg,1,9,2\n');
		expect((await readJobs(csv)).jobs[0]?.points).toEqual([[1, 2]]);
		expect(warn).not.toHaveBeenCalled();
		warn.mockRestore();
	});

	it('say what failed', async () => {
		const jobs = await readJobs(jobFile('a.json', [{ source: 'a.jpg', target: 'b.jpg', points: [[1, 2]] }]));
		const [job] = jobs.jobs;
		const failed = job === undefined ? [] : [{ job, matches: undefined, found: [], error: 'no such file' }];
		expect(JSON.parse(formatResults('json', jobs, failed, new Map()))).toEqual({
			results: [{ source: 'a.jpg', target: 'b.jpg', error: 'no such file' }],
		});
	});
});
