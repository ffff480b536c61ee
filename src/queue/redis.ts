import type { Redis } from 'ioredis';
import { UserError } from '../core/errors.js';

/** Where a queue is. */
export type QueuePlace = {
	/** `redis://` or, with TLS, `rediss://`, with name and password if need be; it is never shown. */
	readonly redis: string;
	/** Default: `propagate`. */
	readonly queue?: string | undefined;
};

/** A connection, and what may be said about it: host and port, but never a password. */
export type RedisConnection = {
	readonly redis: Redis;
	readonly address: string;
	/** Ends it, and those that were made from it, also while Redis is gone. */
	leave(): void;
};

const CONNECT_MS = 5000;
const SILENCE_MS = 30_000;
const LONGEST_PAUSE_MS = 2000;

const EXPECTED =
	'expected redis://host:6379, or rediss:// for TLS, with name:password@ before the host if need be';

/** @throws UserError, which does not repeat the text: there may be a password in it */
const parseRedisUrl = (text: string): URL => {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
		throw new UserError(`The address of Redis can't be understood; ${EXPECTED}.`);
	}
	return url;
};

/**
 * Connects, and stays so: a connection that was there once is made again when it is lost, for as long as it takes.
 *
 * @throws UserError when there is no Redis, or it does not let us in
 */
export const openRedis = async ({ redis: text }: QueuePlace): Promise<RedisConnection> => {
	const url = parseRedisUrl(text);
	const address = `${url.hostname}:${url.port || '6379'}`;
	const { Redis } = await import('ioredis');
	let isWanted = false;
	let reason = 'no answer';
	const redis = new Redis(text, {
		lazyConnect: true,
		connectTimeout: CONNECT_MS,
		// A connection that is cut without a word is found out; nothing that is asked for takes so long.
		...{ socketTimeout: SILENCE_MS, keepAlive: CONNECT_MS },
		// A queue waits for Redis however long that takes, as soon as it is known to be the right one.
		maxRetriesPerRequest: null,
		retryStrategy: (times) => (isWanted ? Math.min(times * 100, LONGEST_PAUSE_MS) : null),
	});
	// Without a listener each lost connection would be printed with its stack.
	redis.on('error', (error: Error) => {
		reason = error.message;
	});
	try {
		await redis.connect();
		await redis.ping();
	} catch (error) {
		redis.disconnect();
		const told = error instanceof Error && error.message !== 'Connection is closed.' ? error.message : reason;
		throw new UserError(
			`Redis at ${address} can't be used (${told}); start it, or check --redis or PROPAGATE_REDIS: ${EXPECTED}.`,
		);
	}
	isWanted = true;
	const leave = (): void => {
		isWanted = false;
		redis.disconnect();
	};
	return { redis, address, leave };
};
