import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ObsError } from './obs-error.js';

const recordSchema = z.discriminatedUnion('type', [
	z.object({ type: z.literal('progress'), frame: z.number(), total: z.number().optional() }),
	z.object({ type: z.literal('done'), outputs: z.array(z.string()) }),
]);

/** The command line program of this package, or the one that `PROPAGATE_COMMAND` names (split at spaces). */
const command = (): [string, ...string[]] => {
	const [program, ...rest] = (process.env.PROPAGATE_COMMAND ?? '').split(' ').filter((part) => part !== '');
	return program === undefined
		? [process.execPath, fileURLToPath(new URL('../../cli/main.js', import.meta.url))]
		: [program, ...rest];
};

/**
 * Cuts the object of the mask out of a clip.
 *
 * @throws ObsError with the engine's own sentence when it fails
 */
export const cutOut = async (
	clip: string,
	mask: string,
	output: string,
	onProgress: (done: number, total: number | undefined) => void,
	signal: AbortSignal,
): Promise<void> => {
	await run(['--mask', mask, '-o', output, '--json', '--', clip], signal, (line) => {
		const record = recordSchema.safeParse(parsed(line));
		if (record.success && record.data.type === 'progress') {
			onProgress(record.data.frame + 1, record.data.total);
		}
	});
};

/**
 * The first frame of a video as PNG, of the size and the way up that its mask must have.
 *
 * @throws ObsError with the engine's own sentence when there is none
 */
export const firstFrame = async (clip: string, signal: AbortSignal): Promise<Buffer> => {
	await removeForgotten();
	const folder = await mkdtemp(join(tmpdir(), SCRATCH));
	try {
		const image = join(folder, 'frame.png');
		await run(['frame', '-q', '-o', image, '--', clip], signal);
		return await readFile(image);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

const SCRATCH = 'propagate-obs-';
const FORGOTTEN_MS = 24 * 3600 * 1000;

/** What was left by those that were killed: nobody looks at a frame for a day. */
const removeForgotten = async (): Promise<void> => {
	const names = await readdir(tmpdir()).catch((): string[] => []);
	for (const path of names.filter((name) => name.startsWith(SCRATCH)).map((name) => join(tmpdir(), name))) {
		const touched = (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now();
		if (Date.now() - touched > FORGOTTEN_MS) {
			await rm(path, { recursive: true, force: true }).catch(() => {});
		}
	}
};

/** Runs the engine to its end. */
const run = async (
	args: readonly string[],
	signal: AbortSignal,
	onLine: (line: string) => void = () => {},
): Promise<void> => {
	const [program, ...start] = command();
	const engine = spawn(program, [...start, ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
		signal,
		// As Ctrl-C in a terminal: the engine then removes what is half-written.
		killSignal: 'SIGINT',
		windowsHide: true,
	});
	let lastWords = '';
	createInterface({ input: engine.stderr }).on('line', (line) => {
		lastWords = line.trim() || lastWords;
	});
	createInterface({ input: engine.stdout }).on('line', onLine);
	const code = await new Promise<number | null>((resolve, reject) => {
		engine.once('error', reject);
		engine.once('close', resolve);
	});
	if (code !== 0) {
		throw new ObsError(lastWords.replace(/^propagate: /, '') || `The engine ended with code ${code}.`);
	}
};

const parsed = (line: string): unknown => {
	try {
		return JSON.parse(line);
	} catch {
		return undefined;
	}
};
