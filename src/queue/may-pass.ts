import { UserError } from '../core/errors.js';

/** What the system says of storage that has gone or is full, and of resources that others hold. */
const passing: ReadonlySet<string> = new Set([
	...[
		'EIO',
		'ESTALE',
		'ENOTCONN',
		'ECONNRESET',
		'EHOSTDOWN',
		'EHOSTUNREACH',
		'ENETDOWN',
		'ENETUNREACH',
		'ETIMEDOUT',
	],
	...[
		'ENOSPC',
		'EDQUOT',
		'EMFILE',
		'ENFILE',
		'ENOMEM',
		'EAGAIN',
		'EBUSY',
		'ETXTBSY',
		'ENODEV',
		'ENXIO',
		'EREMOTEIO',
	],
]);

/** Whether what failed may work at another time, or for another worker. Bad input stays bad, however often it is tried. */
export const mayPass = (error: unknown): boolean => {
	for (let cause = error; cause instanceof Error; cause = cause.cause) {
		if ('code' in cause && passing.has(String(cause.code))) {
			return true;
		}
	}
	return !(error instanceof UserError);
};
