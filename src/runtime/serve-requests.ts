import { parentPort, type TransferListItem } from 'node:worker_threads';
import { messageOf } from '../core/errors.js';
import { END, READY, type WorkerReply } from './worker-channel.js';

/**
 * The other end of a {@link WorkerChannel}: answers the requests one at a time, in the order in which they came.
 *
 * @param transferred buffers of a reply that are given away instead of copied
 */
export const serveRequests = <Request, Value>(
	handle: (request: Request) => Promise<Value> | Value,
	transferred: (value: Value) => readonly TransferListItem[] = () => [],
): void => {
	const port = parentPort;
	if (port === null) {
		throw new Error('serveRequests answers the thread that started a worker; this is the main thread.');
	}
	let ended = false;
	const answer = async ({ id, request }: { id: number; request: Request }): Promise<void> => {
		if (ended) {
			return;
		}
		let reply: WorkerReply<Value>;
		try {
			reply = { id, ok: true, value: await handle(request) };
		} catch (error) {
			reply = { id, ok: false, message: messageOf(error) };
		}
		port.postMessage(reply, reply.ok ? transferred(reply.value) : []);
	};
	let queue = Promise.resolve();
	port.on('message', (message: typeof END | { id: number; request: Request }) => {
		if (message === END) {
			ended = true;
			queue = queue.then(() => port.close());
		} else {
			queue = queue.then(() => answer(message));
		}
	});
	port.postMessage({ id: READY, ok: true, value: undefined });
};
