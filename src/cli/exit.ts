import { CommanderError } from 'commander';
import { AbortedError, messageOf, UserError } from '../core/errors.js';
import { isReaderGone } from './cancellation.js';
import { printable } from './printable.js';

/** Exit codes of the command contract. */
const exitCodes = { done: 0, failed: 1, badInput: 2, cancelled: 130 } as const;

/** What the system says of the process itself, wherever it comes up. */
const plain = (error: unknown): string => {
	const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
	if (code === 'ENOENT' && syscall === 'uv_cwd') {
		return 'The folder that this is called from has been removed; go to another one (cd).';
	}
	if (code === 'EMFILE' || code === 'ENFILE') {
		return 'Too many files are open; raise the limit (ulimit -n).';
	}
	return messageOf(error);
};

/**
 * Prints what went wrong, one line, and returns the exit code that goes with it.
 * With `PROPAGATE_DEBUG` set the stack trace follows.
 */
export const reportFailure = (error: unknown): number => {
	if (error instanceof CommanderError) {
		// Help or the version, printed already; help is a failure where something was missing.
		return error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
	}
	const code =
		error instanceof UserError
			? exitCodes.badInput
			: error instanceof AbortedError
				? exitCodes.cancelled
				: exitCodes.failed;
	if (code === exitCodes.cancelled && isReaderGone()) {
		return process.exitCode === exitCodes.failed ? exitCodes.failed : code;
	}
	process.stderr.write(`propagate: ${printable(plain(error), true)}\n`);
	if (process.env.PROPAGATE_DEBUG !== undefined && error instanceof Error) {
		process.stderr.write(`${error.stack ?? ''}\n`);
	}
	return code;
};
