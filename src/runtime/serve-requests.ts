import { parentPort, type TransferListItem } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import type { WorkerReply } from './worker-channel.js';

/**
 * The other end of a {@link WorkerChannel}: answers the requests one at a time, in the order in which they came.
 *
 * @param transferred buffers of a reply that are given away instead of copied
 */
export const serveRequests = <Request, Value>(
	handle: (request: Request) => Promise<Value> | Value,
	transferred: (value: Value) => readonly TransferListItem[] = () => [],
): void => {
	let queue = Promise.resolve();
	parentPort?.on('message', ({ id, request }: { id: number; request: Request }) => {
		queue = queue.then(async () => {
			let reply: WorkerReply<Value>;
			try {
				reply = { id, ok: true, value: await handle(request) };
			} catch (error) {
				reply = { id, ok: false, message: messageOf(error) };
			}
			parentPort?.postMessage(reply, reply.ok ? transferred(reply.value) : []);
		});
	});
};
