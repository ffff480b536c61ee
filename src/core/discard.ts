import { MessageChannel } from 'node:worker_threads';

/** Messages to a port without another end are dropped at once, with what they carry. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Frees what arrays lie in, now: they are empty afterwards. Left to the garbage collector it would pile up in a thread that is
 * sent megabytes with every request but allocates little itself, because such a thread hardly ever collects.
 * Never to be given a small `Buffer`: those lie in a pool with others. (`ArrayBuffer.prototype.transfer` does this, from Node 21 on.)
 */
export const discard = (arrays: readonly ArrayBufferView[]): void => {
	// Memory that threads share is not one thread's to free.
	const own = arrays.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
	nowhere.postMessage(undefined, [...new Set(own)]);
};
