import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { texture } from '../helpers/textures.js';
import { writeTinyModel } from '../helpers/tiny-model.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const IMAGES = 20;
const JOBS = 200;

/** 20 images, and 200 jobs in which each of them takes part often. */
const batch = async () => {
	const folder = temporaryFolder();
	const model = await writeTinyModel(folder);
	for (let i = 0; i < IMAGES; i++) {
		const { data, width, height } = texture(120, 96, i + 1);
		await sharp(data, { raw: { width, height, channels: 3 } })
			.png()
			.toFile(join(folder, `${i}.png`));
	}
	const jobs = Array.from({ length: JOBS }, (_, i) => ({
		source: `${i % IMAGES}.png`,
		target: `${(i + 1 + Math.floor(i / IMAGES)) % IMAGES}.png`,
		points: [
			[20, 30],
			[70, 60],
		],
	}));
	writeFileSync(join(folder, 'jobs.json'), JSON.stringify(jobs));
	return { folder, model, jobs };
};

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the command; `killAfter` described images the process is killed, as by a power cut. */
const run = (
	folder: string,
	model: string,
	extra: readonly string[] = [],
	killAfter?: number,
	output = 'out.json',
) =>
	new Promise<Ended>((resolve) => {
		const child = spawn(
			process.execPath,
			[
				main,
				'keypoints',
				'jobs.json',
				'-o',
				output,
				'--model',
				model,
				'--json',
				'--mode',
				'nearest',
				...extra,
			],
			{ cwd: folder, env: { ...process.env, PROPAGATE_HOME: join(folder, 'home') } },
		);
		let [stdout, stderr] = ['', ''];
		child.stdout.on('data', (chunk) => {
			stdout += chunk;
			const described = stdout.match(/"stage":"images"/g)?.length ?? 0;
			if (killAfter !== undefined && described >= killAfter) {
				child.kill('SIGKILL');
			}
		});
		child.stderr.on('data', (chunk) => {
			stderr += chunk;
		});
		child.on('close', (code) => resolve({ code, stdout, stderr }));
	});

const doneOf = ({ stdout }: Ended) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
const mapsOn = (folder: string): number =>
	readdirSync(join(folder, 'home', 'descriptors'), { recursive: true }).filter((name) =>
		String(name).endsWith('.npy'),
	).length;

describe('propagate keypoints', { timeout: 300_000 }, () => {
	it('describes every image once, survives a kill, and goes on where it was', async () => {
		const { folder, model } = await batch();
		const killed = await run(folder, model, [], 7);
		expect(killed.code).toBeNull();
		expect(existsSync(join(folder, 'out.json'))).toBe(false);
		const kept = mapsOn(folder);
		expect(kept).toBeGreaterThanOrEqual(7);
		expect(kept).toBeLessThan(IMAGES);

		const resumed = await run(folder, model);
		expect(resumed.code).toBe(0);
		expect(doneOf(resumed)).toMatchObject({
			type: 'done',
			jobs: JOBS,
			failedJobs: 0,
			images: IMAGES,
			computed: IMAGES - kept,
			cached: kept,
		});
		const { results } = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'));
		expect(results).toHaveLength(JOBS);

		// A run without the kill and with two workers gives the same file.
		rmSync(join(folder, 'home'), { recursive: true });
		const whole = await run(folder, model, ['--workers', '2'], undefined, 'whole.json');
		expect(doneOf(whole)).toMatchObject({ computed: IMAGES, cached: 0 });
		expect(readFileSync(join(folder, 'whole.json'))).toEqual(readFileSync(join(folder, 'out.json')));
	});

	it('reports what fails, does the rest, and ends with code 1', async () => {
		const { folder, model, jobs } = await batch();
		writeFileSync(join(folder, '3.png'), 'not an image');
		const some = [
			...jobs.slice(0, 5),
			{ source: '0.png', target: '1.png', points: [{ x: 500, y: 1, name: 'tail' }] },
		];
		writeFileSync(join(folder, 'jobs.json'), JSON.stringify(some));
		const ended = await run(folder, model);
		expect(ended.code).toBe(1);
		expect(ended.stderr).toMatch(/3 of 6 jobs failed/);
		expect(ended.stdout).toMatch(/"what":"3.png","reason":"[^}]*not an image/);
		const { results } = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'));
		expect(results.filter((result: { matches?: unknown }) => result.matches)).toHaveLength(3);
		expect(results[5].error).toMatch(/Point 1 \("tail"\)/);
	});

	it('refuses a bad job file with code 2 before anything is loaded', async () => {
		const { folder, model } = await batch();
		writeFileSync(join(folder, 'jobs.json'), '[]');
		const ended = await run(folder, model);
		expect(ended.code).toBe(2);
		expect(ended.stderr.trim().split('\n')).toHaveLength(1);
	});
});
