/**
 * Bad input or wrong usage: something the person at the keyboard can put right.
 * The message is one sentence that says what is wrong and what would be right.
 * The CLI prints it without a stack trace and exits with code 2.
 */
export class UserError extends Error {
	override name = 'UserError';
}

/** Nothing of a clip lies where it was asked for: behind its end, mostly. */
export class OutsideClip extends UserError {
	override name = 'OutsideClip';
}

/** The operation was cancelled through its `AbortSignal` (Ctrl-C). The CLI exits with code 130. */
export class AbortedError extends Error {
	override name = 'AbortedError';

	constructor(message = 'Cancelled.') {
		super(message);
	}
}

/** The message of anything that was thrown; some dependencies throw plain strings. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Its first line without a full stop, for a sentence that it becomes a part of. */
export const firstLineOf = (error: unknown): string =>
	(messageOf(error).split('\n', 1)[0] ?? '').replace(/[.\s]*$/, '');

/** Throws {@link AbortedError} when the signal has fired. */
export const throwIfAborted = (signal: AbortSignal | undefined): void => {
	if (signal?.aborted) {
		throw new AbortedError();
	}
};
