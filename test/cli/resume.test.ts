import {
	appendFileSync,
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type BoxClip, makeBoxFrames } from '../helpers/box-clip.js';
import { type CliResult, type CliRun, quickCliPath, startCli } from '../helpers/cli.js';
import { makeQuickModel } from '../helpers/quick-model.js';
import { canMount, mountDisk } from '../helpers/small-disk.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const frames = 12;

let folder: string;
let clip: BoxClip;
/** The results of a run that nobody interrupted. */
let whole: Map<string, Buffer>;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-resume-'));
	clip = await makeBoxFrames(folder, frames);
	expect(await run(join(folder, 'whole'))).toMatchObject({ code: 0 });
	whole = contents(join(folder, 'whole'));
	expect(whole.size).toBe(frames);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const args = (output: string, ...more: string[]): string[] => [
	...[clip.clip, '--mask', clip.mask, '--threads', '1', '-o', output],
	...more,
];

/** Each output has results of its own to go on from: those of the uninterrupted run would prove nothing. */
const homeOf = (output: string): string => join(output, '..', 'home');

const start = (args: readonly string[], home: string): CliRun =>
	startCli(args, { program: quickCliPath, env: { PROPAGATE_HOME: home } });

const run = (output: string, ...more: string[]): Promise<CliResult> =>
	start(args(output, ...more), homeOf(output)).done;

/** Tries to go on with the run of an output as another one, and gives the reason why that is refused. */
const refusedResume = async (output: string, ...changed: string[]): Promise<string> => {
	const { code, stderr } = await start([...changed, '-o', output, '--resume'], homeOf(output)).done;
	expect(code).toBe(2);
	return stderr;
};

/** Every file of a folder, hidden ones too, the notes left out. */
const contents = (path: string): Map<string, Buffer> =>
	new Map(
		readdirSync(path)
			.filter((name) => name !== '.propagate-run')
			.sort()
			.map((name) => [name, readFileSync(join(path, name))]),
	);

/** What is written down of a finished run. */
const notesOf = (path: string): Map<string, Buffer> => contents(join(path, '.propagate-run'));

/** Starts a run and sends it a signal as soon as a frame is there. */
const interrupt = async (
	output: string,
	frame: number,
	signal: NodeJS.Signals,
	...more: string[]
): Promise<CliResult> => {
	const { process, done } = start(args(output, ...more), homeOf(output));
	const png = join(output, `${String(frame).padStart(5, '0')}.png`);
	const watch = setInterval(() => {
		if (existsSync(png)) {
			clearInterval(watch);
			process.kill(signal);
		}
	}, 5);
	const result = await done;
	clearInterval(watch);
	return result;
};

describe('an interrupted run', () => {
	test.each([0, 3, 7])('killed at frame %i ends as if it had not been', async (frame) => {
		const output = join(temporaryFolder(), 'masks');
		expect((await interrupt(output, frame, 'SIGKILL')).code).toBe(null);
		const left = readdirSync(output).filter((name) => /^\d{5}\.png$/.test(name));
		for (const name of left) {
			// Whatever has its final name is complete.
			expect(readFileSync(join(output, name)).equals(whole.get(name) ?? Buffer.alloc(0))).toBe(true);
		}
		const resumed = await run(output, '--resume');
		expect(resumed).toMatchObject({ code: 0 });
		expect(resumed.stderr).toContain(`${left.length} of ${frames} frames were finished before`);
		expect(contents(output)).toEqual(whole);
		expect(notesOf(output)).toEqual(notesOf(join(folder, 'whole')));
	});

	test('killed again and again gets there', async () => {
		const output = join(temporaryFolder(), 'masks');
		for (const frame of [2, 7]) {
			const { process, done } = start(args(output, '--resume'), homeOf(output));
			const watch = setInterval(() => {
				if (existsSync(join(output, `${String(frame).padStart(5, '0')}.png`))) {
					process.kill('SIGKILL');
				}
			}, 5);
			await done;
			clearInterval(watch);
		}
		expect(await run(output, '--resume')).toMatchObject({ code: 0 });
		expect(contents(output)).toEqual(whole);
		// And once more, when all is done.
		expect(await run(output, '--resume')).toMatchObject({ code: 0 });
		expect(contents(output)).toEqual(whole);
	});

	test('by Ctrl-C keeps what is finished, says how to go on, and exits with 130', async () => {
		const output = join(temporaryFolder(), 'masks');
		const cancelled = await interrupt(output, 4, 'SIGINT');
		expect(cancelled.code).toBe(130);
		expect(cancelled.stderr).toMatch(/Cancelled; \d+ finished frames are kept in ".*masks".*--resume/);
		expect(readdirSync(output).filter((name) => name.endsWith('.partial'))).toEqual([]);
		expect(await run(output, '--resume')).toMatchObject({ code: 0 });
		expect(contents(output)).toEqual(whole);
	});

	test('makes its videos anew, from the finished masks', async () => {
		const place = temporaryFolder();
		const uninterrupted = join(temporaryFolder(), 'whole.mp4');
		expect(await run(uninterrupted)).toMatchObject({ code: 0 });
		const output = join(place, 'masks');
		await interrupt(output, 7, 'SIGKILL');
		const video = join(place, 'video.mp4');
		expect(await run(output, '-o', video, '--resume')).toMatchObject({ code: 0 });
		expect(readFileSync(video).equals(readFileSync(uninterrupted))).toBe(true);
		expect(contents(output)).toEqual(whole);
	});

	test('whose results are lost is computed again, to the same end', async () => {
		const output = join(temporaryFolder(), 'masks');
		await interrupt(output, 5, 'SIGKILL');
		rmSync(join(output, '..', 'home'), { recursive: true });
		expect(await run(output, '--resume')).toMatchObject({ code: 0 });
		expect(contents(output)).toEqual(whole);
	});

	test('that was to keep nothing keeps its results until it is finished', async () => {
		const output = join(temporaryFolder(), 'masks');
		await interrupt(output, 5, 'SIGKILL', '--no-cache');
		const resumed = await run(output, '--no-cache', '--resume', '--json');
		const done = JSON.parse(resumed.stdout.trim().split('\n').at(-1) ?? '');
		expect(done).toMatchObject({ type: 'done', frames });
		expect(done.computedFrames).toBeLessThan(frames - 5);
		expect(contents(output)).toEqual(whole);
		expect(existsSync(join(output, '..', 'home', 'runs'))).toBe(false);
	});

	test('is not continued with anything else', async () => {
		const place = temporaryFolder();
		const output = join(place, 'masks');
		await interrupt(output, 3, 'SIGKILL');
		const before = readdirSync(output);
		const same = [clip.clip, '--mask', clip.mask];
		expect(await refusedResume(output, ...same, '--quality', 'fast')).toContain('made with other settings');
		const model = makeQuickModel(join(place, 'model'), 64);
		expect(await refusedResume(output, ...same, '--model', model)).toContain('made with another model');
		const other = await makeBoxFrames(place, frames + 1);
		expect(await refusedResume(output, other.clip, '--mask', clip.mask)).toContain('from another clip');
		expect(await refusedResume(output, ...same, '--overwrite')).toContain(
			'--resume and --overwrite exclude each other',
		);
		expect(readdirSync(output)).toEqual(before);
	});

	test('is not continued from frames that nobody knows anything of', async () => {
		const output = join(temporaryFolder(), 'masks');
		await run(output);
		rmSync(join(output, '.propagate-run'), { recursive: true });
		const { code, stderr } = await run(output, '--resume');
		expect(code).toBe(2);
		expect(stderr).toContain(`holds ${frames} frames, but no notes of a run of this command`);
		expect(contents(output)).toEqual(whole);
	});

	test('of a video leaves nothing, and its file is not taken for an unfinished one', async () => {
		const place = temporaryFolder();
		const video = join(place, 'matte.mp4');
		const { process, done } = start(args(video), homeOf(video));
		const files = (): string[] => readdirSync(place).filter((name) => name !== 'home');
		await vi.waitFor(() => expect(files()).toHaveLength(1), { timeout: 60_000, interval: 5 });
		process.kill('SIGINT');
		expect((await done).code).toBe(130);
		expect(files()).toEqual([]);
		writeFileSync(video, 'precious');
		const refused = await run(video, '--resume');
		expect(refused).toMatchObject({ code: 2 });
		expect(refused.stderr).toContain('exists already');
		expect(readFileSync(video, 'utf8')).toBe('precious');
	});
});

/** What can become of a file while nobody looks: a power cut, a bad disk, somebody's hand. */
const harms: readonly ((path: string) => void)[] = [
	// Empty, cut short, zeroes, another frame, a flipped bit, gone.
	(path) => writeFileSync(path, ''),
	(path) => writeFileSync(path, readFileSync(path).subarray(0, -7)),
	(path) => writeFileSync(path, readFileSync(path).fill(0)),
	(path) => copyFileSync(join(path, '..', '00000.png'), path),
	(path) => writeFileSync(path, flipped(readFileSync(path))),
	(path) => rmSync(path),
];

const flipped = (bytes: Buffer): Buffer => {
	const at = Math.floor(bytes.length / 2);
	bytes[at] = (bytes[at] ?? 0) ^ 16;
	return bytes;
};

describe('a finished run', () => {
	let output: string;
	beforeAll(async () => {
		output = join(mkdtempSync(join(folder, 'finished-')), 'masks');
		expect(await run(output)).toMatchObject({ code: 0 });
	});

	test('whose frames are harmed is made whole, whatever has become of them', async () => {
		harms.forEach((harm, at) => {
			harm(join(output, `${String(frames - 1 - at).padStart(5, '0')}.png`));
		});
		const resumed = await run(output, '--resume');
		expect(resumed).toMatchObject({ code: 0 });
		expect(resumed.stderr).toContain(`${frames - harms.length} of ${frames} frames were finished before`);
		expect(contents(output)).toEqual(whole);
		expect(notesOf(output)).toEqual(notesOf(join(folder, 'whole')));
	});

	test('is not taken for that of another job, and stays as it is', async () => {
		const same = [clip.clip, '--mask', clip.mask];
		const mask = join(folder, 'whole', '00005.png');
		expect(await refusedResume(output, ...same, '--mask', `6=${mask}`)).toContain('made with other masks');
		expect(await refusedResume(output, ...same, '--end', '9')).toContain(
			'made with another --start or --end',
		);
		const altered = join(output, '..', basename(clip.clip));
		cpSync(clip.clip, altered, { recursive: true });
		// The same sizes and names, first and last image; only one in between is another.
		copyFileSync(join(clip.clip, '00006.png'), join(altered, '00005.png'));
		const pad = statSync(join(clip.clip, '00005.png')).size - statSync(join(altered, '00005.png')).size;
		appendFileSync(join(altered, '00005.png'), Buffer.alloc(Math.max(0, pad)));
		expect(await refusedResume(output, altered, '--mask', clip.mask)).toContain('from another clip');
		// The same pictures, as frames 2001 and so on of a shot: their masks have other names.
		const renumbered = temporaryFolder();
		for (let frame = 0; frame < frames; frame++) {
			const name = `${String(frame).padStart(5, '0')}.png`;
			copyFileSync(join(clip.clip, name), join(renumbered, `shot_${2001 + frame}.png`));
		}
		expect(await refusedResume(output, renumbered, '--mask', clip.mask)).toContain(
			'with other numbers in their names',
		);
		expect(contents(output)).toEqual(whole);
	});

	test('of several outputs is finished like that of one; what has gone is made, what was changed is not touched', async () => {
		const place = mkdtempSync(join(folder, 'several-'));
		const all = join(place, 'masks');
		const more = [
			'-o',
			join(place, 'a-overlay.mp4'),
			'-o',
			join(place, 'rle.json'),
			'--review',
			join(place, 'r.png'),
		];
		expect(await run(all, ...more)).toMatchObject({ code: 0 });
		const files = ['a-overlay.mp4', 'rle.json', 'r.png'].map((name) => join(place, name));
		const before = files.map((file) => readFileSync(file));
		const again = await run(all, ...more, '--resume');
		expect(again).toMatchObject({ code: 0 });
		expect(again.stderr).toContain(`${frames} of ${frames} frames were finished before`);
		rmSync(files[0] ?? '');
		expect(await run(all, ...more, '--resume')).toMatchObject({ code: 0 });
		expect(files.map((file) => readFileSync(file))).toEqual(before);
		appendFileSync(files[1] ?? '', 'mine');
		const refused = await run(all, ...more, '--resume');
		expect(refused).toMatchObject({ code: 2 });
		expect(refused.stderr).toContain('rle.json" has been changed since it was made');
		expect(readFileSync(files[1] ?? '', 'utf8')).toMatch(/mine$/);
	});
});

describe('what is called written is there', () => {
	/** Interferes as soon as there is a frame. */
	const meddled = async (meddle: (output: string) => void): Promise<CliResult & { output: string }> => {
		const output = join(temporaryFolder(), 'masks');
		const { done } = start(args(output), homeOf(output));
		const watch = setInterval(() => {
			if (existsSync(join(output, '00001.png'))) {
				clearInterval(watch);
				meddle(output);
			}
		}, 2);
		const result = await done;
		clearInterval(watch);
		return { ...result, output };
	};

	test.each<[string, (output: string) => void]>([
		['removed', (output) => rmSync(output, { recursive: true, force: true, maxRetries: 5 })],
		['renamed', (output) => renameSync(output, `${output}-elsewhere`)],
		[
			'replaced by a new one',
			(output) => {
				renameSync(output, `${output}-elsewhere`);
				mkdirSync(output);
			},
		],
		['robbed of a frame', (output) => rmSync(join(output, '00000.png'))],
	])('or the command fails: a folder is %s meanwhile', async (_, meddle) => {
		const { code, stderr } = await meddled(meddle);
		expect(code).toBe(1);
		expect(stderr).toMatch(/^propagate: .*(gone or changed since|has been removed or renamed).*\n$/m);
	});

	test('two runs on one output do not mix: the second is refused', async () => {
		const output = join(temporaryFolder(), 'masks');
		const first = start(args(output), homeOf(output));
		await vi.waitFor(() => expect(existsSync(join(output, '00000.png'))).toBe(true), 60_000);
		first.process.kill('SIGSTOP');
		const second = await run(output, '--overwrite');
		first.process.kill('SIGCONT');
		expect(await first.done).toMatchObject({ code: 0 });
		expect(second.code).toBe(2);
		expect(second.stderr).toMatch(/is being written by another run at this moment \(process \d+\)/);
		expect(contents(output)).toEqual(whole);
	});
});

describe.skipIf(!canMount)('a full disk (needs root on Linux)', () => {
	test('leaves only complete PNGs, and the run goes on when there is room', async () => {
		const disk = mountDisk('size=28k');
		const output = join(disk.folder, 'masks');
		const home = join(folder, 'full');
		const full = await start(args(output), home).done;
		expect(full.code).toBe(2);
		expect(full.stderr.trim().split('\n').at(-1)).toMatch(/the disk is full/);
		const left = readdirSync(output).filter((name) => !name.startsWith('.'));
		for (const name of left) {
			expect(readFileSync(join(output, name)).equals(whole.get(name) ?? Buffer.alloc(0))).toBe(true);
		}
		expect(left.length).toBeLessThan(frames);
		disk.remount('size=4m');
		expect(await start(args(output, '--resume'), home).done).toMatchObject({ code: 0 });
		expect(contents(output)).toEqual(whole);
	});

	test.each(['alpha.mkv', 'overlay.mp4'])('leaves no half of %s', async (name) => {
		const disk = mountDisk('size=4k');
		const full = await start(args(join(disk.folder, name)), join(folder, 'full')).done;
		expect(full.code).toBe(2);
		expect(full.stderr).toMatch(/disk is full/);
		expect(readdirSync(disk.folder)).toEqual([]);
	});
});
