import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { canRun } from './can-run.js';

const run = promisify(execFile);
const candidates = [process.env.PYTHON ?? 'python3', '/usr/bin/python3'];

/** Path of a Python that has all of these modules; undefined where there is none. */
export const pythonWith = (...modules: readonly string[]): string | undefined =>
	candidates.find((candidate) => canRun(candidate, '-c', `import ${modules.join(', ')}`));

/** Path of a Python with the modules of the training code; undefined where there is none. */
export const trainingPython = pythonWith('torch', 'cv2', 'numpy');

/** Path of any Python 3; undefined where there is none. */
export const python = pythonWith('json');

/** What a script prints. */
export const runPython = async (python: string, script: string, ...args: string[]): Promise<string> =>
	(await run(python, ['-c', script, ...args], { maxBuffer: 1 << 28 })).stdout;
