import { CommanderError } from 'commander';
import { AbortedError, messageOf, UserError } from '../errors.js';

/** Exit codes of the command contract. */
export const exitCodes = { done: 0, failed: 1, badInput: 2, cancelled: 130 } as const;

/**
 * Prints what went wrong, one line, and returns the exit code that goes with it.
 * With `PROPAGATE_DEBUG` set the stack trace follows.
 */
export const reportFailure = (error: unknown): number => {
	if (error instanceof CommanderError) {
		// Commander has printed its own line; help and version are no failures.
		return error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
	}
	const code =
		error instanceof UserError
			? exitCodes.badInput
			: error instanceof AbortedError
				? exitCodes.cancelled
				: exitCodes.failed;
	process.stderr.write(`propagate: ${messageOf(error)}\n`);
	if (process.env.PROPAGATE_DEBUG !== undefined && error instanceof Error) {
		process.stderr.write(`${error.stack ?? ''}\n`);
	}
	return code;
};
