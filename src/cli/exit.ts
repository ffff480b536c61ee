import { CommanderError } from 'commander';
import { AbortedError, messageOf, UserError } from '../core/errors.js';
import { isReaderGone } from './cancellation.js';
import { printable } from './printable.js';

/** Exit codes of the command contract. */
const exitCodes = { done: 0, failed: 1, badInput: 2, cancelled: 130 } as const;

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
		return code;
	}
	process.stderr.write(`propagate: ${printable(messageOf(error), true)}\n`);
	if (process.env.PROPAGATE_DEBUG !== undefined && error instanceof Error) {
		process.stderr.write(`${error.stack ?? ''}\n`);
	}
	return code;
};
