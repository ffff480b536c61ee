import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { quickCliPath, sample } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const run = promisify(execFile);
const library = pathToFileURL(join(dirname(quickCliPath), '../index.js')).href;

/** What onnxruntime takes as a reason to be silent must not hide that it was made silent: a plain user's environment. */
const plainEnvironment = (folder: string): NodeJS.ProcessEnv => ({
	PATH: process.env.PATH,
	HOME: join(folder, 'home'),
	TMPDIR: join(folder, 'tmp'),
});

let traces = false;
beforeAll(async () => {
	traces = await run('strace', ['-f', '-o', '/dev/null', 'true']).then(
		() => true,
		() => false,
	);
});

type Trace = {
	/** Paths opened for writing, made or renamed to, as the program named them. */
	readonly written: readonly string[];
	/** Calls that name an address of the internet; those to the kernel (AF_NETLINK) and within the machine (AF_UNIX) are none. */
	readonly network: readonly string[];
	readonly opened: number;
};

/** Runs node with the arguments in an empty home folder, and reads what it and its children and threads asked of the system. */
const trace = async (folder: string, args: readonly string[]): Promise<Trace> => {
	const log = join(folder, 'trace.txt');
	for (const name of ['home', 'tmp', 'work']) {
		await run('mkdir', ['-p', join(folder, name)]);
	}
	await run(
		'strace',
		[
			'-f',
			'-qq',
			'-y',
			'-s',
			'300',
			'--seccomp-bpf',
			'-e',
			'trace=%file,%network',
			'-o',
			log,
			process.execPath,
			...args,
		],
		{ cwd: join(folder, 'work'), env: plainEnvironment(folder), maxBuffer: 2 ** 26 },
	);
	const calls = readFileSync(log, 'utf8').split('\n');
	const named = (call: string): string[] =>
		[...call.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) => path ?? '');
	return {
		written: calls
			.filter((call) =>
				/\b(?:creat|mkdir|mkdirat|symlink|link|rename|renameat|renameat2)\(|O_(?:WRONLY|RDWR|CREAT)/.test(
					call,
				),
			)
			.filter((call) => !/ENOENT|EEXIST/.test(call))
			.flatMap(named),
		network: calls.filter((call) => /\b(?:connect|bind|send\w*)\(.*sa_family=AF_INET/.test(call)),
		opened: calls.filter((call) => call.includes('openat(')).length,
	};
};

const allowed = (path: string, folder: string): boolean =>
	!path.startsWith('/') ||
	['work', 'tmp', 'home/.cache/propagate'].some((name) => path.startsWith(join(folder, name))) ||
	// The folder that holds the cache, the null device and what libraries share memory through.
	path === join(folder, 'home/.cache') ||
	path.startsWith('/dev/') ||
	path.startsWith('/proc/self/');

const sends = `
import { propagateClip, matchPair } from ${JSON.stringify(library)};
await propagateClip({
	input: ${JSON.stringify(sample('bear/clip.mp4'))},
	masks: [{ frame: 0, path: ${JSON.stringify(sample('bear/first.png'))} }],
	outputs: ['masks'],
	end: '2',
});`;

const starts: readonly (readonly [string, readonly string[]])[] = [
	[
		'the main command with default options',
		[
			quickCliPath,
			sample('bear/clip.mp4'),
			'--mask',
			sample('bear/first.png'),
			'--end',
			'3',
			'-o',
			'masks',
			'-o',
			'alpha.mov',
		],
	],
	[
		'match',
		[
			quickCliPath,
			'match',
			sample('pair/source.jpg'),
			sample('pair/target.jpg'),
			'--points',
			'[[100, 100]]',
			'--json',
		],
	],
	['doctor', [quickCliPath, 'doctor']],
	['the library', ['--input-type=module', '--eval', sends]],
	[
		'the library in a worker thread that shares the environment',
		[
			'--input-type=module',
			'--eval',
			`import { Worker, SHARE_ENV } from 'node:worker_threads';
			new Worker(new URL(${JSON.stringify(`data:text/javascript,${encodeURIComponent(sends)}`)}), { env: SHARE_ENV, execArgv: [] });`,
		],
	],
];

describe('sends nothing and writes only outputs, cache and temporary files (needs strace)', () => {
	it.each(starts)('%s', async (_name, args) => {
		if (!traces) {
			console.warn('skipped: strace cannot be run here');
			return;
		}
		const folder = temporaryFolder();
		const { written, network, opened } = await trace(folder, args);
		expect(opened).toBeGreaterThan(100);
		expect(written.filter((path) => !allowed(path, folder))).toEqual([]);
		expect(network).toEqual([]);
		expect(existsSync(join(folder, 'home/.cache/Microsoft'))).toBe(false);
	});
});

const filesOf = (folder: string): string[] =>
	readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
		statSync(join(folder, name)).isFile(),
	);

it('refuses to run where it could not be switched off: in a worker thread with a copy of the environment', async () => {
	const folder = temporaryFolder();
	const program = `import { Worker } from 'node:worker_threads';
		new Worker(new URL(${JSON.stringify(`data:text/javascript,${encodeURIComponent(sends)}`)}), { execArgv: [] })
			.on('error', (error) => console.log(error.name, error.message));`;
	const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
		cwd: folder,
		env: { ...plainEnvironment(folder), HOME: folder },
	});
	expect(stdout).toMatch(/^UserError .*set ORT_DISABLE_TELEMETRY=1 for the whole process/);
	expect(filesOf(folder).filter((name) => name.includes('Microsoft'))).toEqual([]);
});
