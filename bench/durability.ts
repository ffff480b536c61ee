/**
 * What is left when a run is killed, or the power goes: whatever has its final name must be whole, and a run that goes on must end with
 * the bytes of one that nobody disturbed. Linux only; power cuts need root, loop devices and mkfs.ext4.
 *
 *     npm run bench:durability -- [--kills 1000] [--tracker-kills 100] [--writer-kills 1000] [--power-cuts 50] [--writer-power-cuts 50]
 *         [--minutes n] [--tally counts.json]
 *
 * Kills are SIGKILLs at random moments: of the command, quick for its labels alone on tiny pictures; of the command with the tracker, two masks
 * and a video; and of `durability/writer.mjs`, which does what a run does to the disk without the model. With `--tally`, counts are kept in a
 * file, and rounds are added to those of earlier times until there are as many as wanted. For a power cut the process is stopped, the image of the disk that it works on is copied as it is (what the kernel had not
 * written to it yet is lost), the copy is mounted, looked at, and the run gone on with there.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeBoxFrames } from '../test/helpers/box-clip.js';
import { makeQuickModel } from '../test/helpers/quick-model.js';

const { values } = parseArgs({
	options: {
		kills: { type: 'string', default: '1000' },
		'tracker-kills': { type: 'string', default: '100' },
		'writer-kills': { type: 'string', default: '1000' },
		'power-cuts': { type: 'string', default: '50' },
		'writer-power-cuts': { type: 'string', default: '50' },
		/** Each part ends after this, whatever the rounds. */
		minutes: { type: 'string', default: '600' },
		tally: { type: 'string' },
	},
});

/** Something that writes to `<folder>/results`, remembers in `<folder>/home`, and goes on where it was stopped. */
type Subject = { readonly name: string; command(folder: string): readonly string[] };

type Tally = {
	rounds: number;
	/** Rounds that ended before they were killed. */
	ended: number;
	/** Files under their final names that were looked at after a kill, and those of them that were not whole. */
	files: number;
	broken: string[];
	/** Runs that were gone on with to their end, and those that ended with other files than an undisturbed one. */
	finished: number;
	wrong: string[];
};

const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const start = (subject: Subject, folder: string): ChildProcess => {
	mkdirSync(folder, { recursive: true });
	return spawn(process.execPath, [...subject.command(folder)], {
		env: { ...process.env, PROPAGATE_HOME: join(folder, 'home') },
		stdio: ['ignore', 'ignore', 'pipe'],
	});
};

const ended = async (child: ChildProcess): Promise<{ code: number | null; stderr: string }> => {
	let stderr = '';
	child.stderr?.on('data', (data: Buffer) => {
		stderr += data.toString();
	});
	return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })));
};

/** Every file below a folder of results by its path; what is under a temporary name is told apart. */
const filesOf = (folder: string): { whole: Map<string, Buffer>; temporary: string[] } => {
	const results = join(folder, 'results');
	const names = existsSync(results) ? readdirSync(results, { recursive: true, encoding: 'utf8' }) : [];
	const files = names.filter((name) => statSync(join(results, name)).isFile());
	const temporary = files.filter((name) => name.endsWith('.partial') || name.includes('.propagate-run'));
	const whole = files.filter((name) => !temporary.includes(name));
	return { whole: new Map(whole.map((name) => [name, readFileSync(join(results, name))])), temporary };
};

/** Looks at what a kill has left. */
const inspect = (folder: string, expected: ReadonlyMap<string, Buffer>, tally: Tally): void => {
	for (const [name, content] of filesOf(folder).whole) {
		tally.files++;
		if (expected.get(name)?.equals(content) !== true) {
			tally.broken.push(`${name} in round ${tally.rounds}`);
		}
	}
};

/** Lets a run go on to its end and looks at everything. */
const finish = async (
	subject: Subject,
	folder: string,
	expected: ReadonlyMap<string, Buffer>,
	tally: Tally,
): Promise<void> => {
	const { code, stderr } = await ended(start(subject, folder));
	tally.finished++;
	const { whole, temporary } = filesOf(folder);
	const names = [...new Set([...whole.keys(), ...expected.keys()])];
	const wrong = names.filter(
		(name) => expected.get(name)?.equals(whole.get(name) ?? Buffer.alloc(0)) !== true,
	);
	const left = temporary.filter((name) => name.endsWith('.partial'));
	if (code !== 0 || wrong.length > 0 || left.length > 0) {
		tally.wrong.push(`round ${tally.rounds}: code ${code}, ${[...wrong, ...left].join(' ')} ${stderr}`);
	}
};

const tallies: Record<string, Tally> =
	values.tally !== undefined && existsSync(values.tally)
		? JSON.parse(readFileSync(values.tally, 'utf8'))
		: {};

/** Goes on counting where an earlier time stopped. */
const tallyOf = (what: string): Tally => {
	const tally = tallies[what] ?? { rounds: 0, ended: 0, files: 0, broken: [], finished: 0, wrong: [] };
	tallies[what] = tally;
	return tally;
};

const keepTallies = (): void => {
	if (values.tally !== undefined) {
		writeFileSync(values.tally, JSON.stringify(tallies, undefined, '\t'));
	}
};

const report = (what: string, tally: Tally): void => {
	const { rounds, ended: unharmed, files, broken, finished, wrong } = tally;
	console.log(
		`| ${what} | ${rounds} | ${rounds - unharmed} | ${files} | ${broken.length} | ${finished} | ${wrong.length} |`,
	);
	for (const line of [...broken, ...wrong].slice(0, 10)) {
		console.error(line);
	}
};

/** An undisturbed run: its files, and how long it takes. */
const undisturbed = async (subject: Subject, folder: string) => {
	const before = performance.now();
	const { code, stderr } = await ended(start(subject, folder));
	if (code !== 0) {
		throw new Error(`The undisturbed run failed: ${stderr}`);
	}
	return { expected: filesOf(folder).whole, milliseconds: performance.now() - before };
};

/** So many rounds at most a folder is gone on with before it is finished and a new one begun. */
const ROUNDS_A_FOLDER = 12;

const killRounds = async (subject: Subject, place: string, rounds: number): Promise<void> => {
	const { expected, milliseconds } = await undisturbed(subject, join(place, 'undisturbed'));
	const tally = tallyOf(`${subject.name} killed`);
	let longest = milliseconds;
	const deadline = performance.now() + Number(values.minutes) * 60_000;
	const goesOn = (): boolean => tally.rounds < rounds && performance.now() < deadline;
	for (let folderNumber = 0; goesOn(); folderNumber++) {
		const folder = join(place, String(folderNumber));
		const inFolder = 1 + Math.floor(Math.random() * ROUNDS_A_FOLDER);
		for (let round = 0; round < inFolder && goesOn(); round++) {
			const child = start(subject, folder);
			const begun = performance.now();
			const end = ended(child);
			await Promise.race([end, sleep(Math.random() * longest)]);
			child.kill('SIGKILL');
			const { code } = await end;
			tally.rounds++;
			tally.ended += code === null ? 0 : 1;
			longest = code === null ? longest : 0.7 * longest + 0.3 * (performance.now() - begun);
			inspect(folder, expected, tally);
			if (code !== null) {
				break; // There is nothing left to do in this folder that could be disturbed.
			}
		}
		await finish(subject, folder, expected, tally);
		rmSync(folder, { recursive: true });
		keepTallies();
	}
	report(`${subject.name} killed`, tally);
};

/** A disk of its own in a file. */
const withDisk = async (image: string, work: (mountPoint: string) => Promise<void>): Promise<void> => {
	const mountPoint = mkdtempSync(join(tmpdir(), 'propagate-disk-'));
	execFileSync('mount', ['-o', 'loop', image, mountPoint]);
	try {
		await work(mountPoint);
	} finally {
		execFileSync('umount', [mountPoint]);
		rmSync(mountPoint, { recursive: true });
	}
};

const DISK_BYTES = 48 << 20;

/** The image as the disk has it, at one moment: the process is stopped, and the copy is taken again if the kernel wrote meanwhile. */
const copyAtOneMoment = (image: string, copy: string): void => {
	do {
		copyFileSync(image, copy);
	} while (!readFileSync(image).equals(readFileSync(copy)));
};

const powerCuts = async (subject: Subject, place: string, rounds: number): Promise<void> => {
	mkdirSync(place);
	const { expected, milliseconds } = await undisturbed(subject, join(place, 'undisturbed'));
	const tally = tallyOf(`power cut under ${subject.name}`);
	const [image, copy] = [join(place, 'disk.img'), join(place, 'copy.img')];
	const deadline = performance.now() + Number(values.minutes) * 60_000;
	const goesOn = (): boolean => tally.rounds < rounds && performance.now() < deadline;
	while (goesOn()) {
		writeFileSync(image, '');
		truncateSync(image, DISK_BYTES);
		execFileSync('mkfs.ext4', ['-q', '-F', image]);
		await withDisk(image, async (disk) => {
			const child = start(subject, join(disk, 'work'));
			const end = ended(child);
			await Promise.race([end, sleep(Math.random() * milliseconds)]);
			child.kill('SIGSTOP');
			copyAtOneMoment(image, copy);
			child.kill('SIGKILL');
			const { code } = await end;
			tally.rounds++;
			tally.ended += code === null ? 0 : 1;
		});
		await withDisk(copy, async (found) => {
			inspect(join(found, 'work'), expected, tally);
			await finish(subject, join(found, 'work'), expected, tally);
		});
		keepTallies();
	}
	report(`power cut under ${subject.name}`, tally);
};

const scratch = mkdtempSync(join(tmpdir(), 'propagate-durability-'));
try {
	const writer: Subject = {
		name: 'the writer',
		command: (folder) => [program('durability/writer.mjs'), folder, '60'],
	};
	const { clip, mask } = await makeBoxFrames(scratch, 12);
	const model = makeQuickModel(join(scratch, 'model'));
	const command = (name: string, options: readonly string[], outputs: readonly string[]): Subject => ({
		name,
		command: (folder) => [
			...[
				program('../dist/cli/main.js'),
				clip,
				'--mask',
				mask,
				'--threads',
				'1',
				'--resume',
				'-q',
				...options,
			],
			...outputs.flatMap((output) => ['-o', join(folder, 'results', output)]),
		],
	});
	const quick = command('the command', ['--model', model, '--decoder', 'off'], ['masks', 'rle.json']);
	const tracking = command(
		'the command with the tracker',
		['--quality', 'fast', '--mask', `7=${mask}`],
		['masks', 'overlay.mp4'],
	);
	console.log(
		'| what | rounds | disturbed | files found | not whole | gone on to the end | wrong at the end |',
	);
	console.log('|---|--:|--:|--:|--:|--:|--:|');
	const parts: readonly [string, () => Promise<void>][] = [
		['kills', () => killRounds(quick, join(scratch, 'd'), Number(values.kills))],
		['tracker-kills', () => killRounds(tracking, join(scratch, 'e'), Number(values['tracker-kills']))],
		['power-cuts', () => powerCuts(quick, join(scratch, 'c'), Number(values['power-cuts']))],
		['writer-kills', () => killRounds(writer, join(scratch, 'a'), Number(values['writer-kills']))],
		['writer-power-cuts', () => powerCuts(writer, join(scratch, 'b'), Number(values['writer-power-cuts']))],
	];
	for (const [name, part] of parts) {
		if (Number(values[name as keyof typeof values]) > 0) {
			await part();
		}
	}
} finally {
	rmSync(scratch, { recursive: true, force: true });
}
