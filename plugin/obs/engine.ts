import { spawn } from 'node:child_process';
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
	const [program, ...start] = command();
	const engine = spawn(program, [...start, '--mask', mask, '-o', output, '--json', '--', clip], {
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
	createInterface({ input: engine.stdout }).on('line', (line) => {
		const record = recordSchema.safeParse(parsed(line));
		if (record.success && record.data.type === 'progress') {
			onProgress(record.data.frame + 1, record.data.total);
		}
	});
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
