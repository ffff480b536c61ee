import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Counter, Histogram, Registry } from 'prom-client';
import { UserError } from '../core/errors.js';
import { countJobs, type OpenQueue } from './clip-queue.js';

/** What a worker tells Prometheus of itself. */
export class WorkMetrics {
	private constructor(
		readonly registry: Registry,
		private readonly clips: Counter<'result'>,
		private readonly frames: Counter,
		private readonly seconds: Histogram,
	) {}

	static async open(): Promise<WorkMetrics> {
		const { Counter, Histogram, Registry } = await import('prom-client');
		const registry = new Registry();
		const registers = [registry];
		return new WorkMetrics(
			registry,
			new Counter({
				name: 'propagate_clips_total',
				help: 'Clips that this worker has come to the end of: finished, failed, or to be retried.',
				labelNames: ['result'],
				registers,
			}),
			new Counter({
				name: 'propagate_frames_total',
				help: 'Frames that this worker has written.',
				registers,
			}),
			new Histogram({
				name: 'propagate_clip_seconds',
				help: 'How long finished clips took.',
				buckets: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000],
				registers,
			}),
		);
	}

	frame(): void {
		this.frames.inc();
	}

	finished(seconds: number): void {
		this.clips.inc({ result: 'finished' });
		this.seconds.observe(seconds);
	}

	failed(willBeRetried: boolean): void {
		this.clips.inc({ result: willBeRetried ? 'retried' : 'failed' });
	}
}

/** How long Redis may take to answer when it is asked for numbers. */
const ANSWER_MS = 2000;

/**
 * Tells Prometheus how it goes, at `/metrics` on the loopback interface.
 *
 * @throws UserError when the port is taken
 */
export const serveMetrics = async (
	{ registry }: WorkMetrics,
	port: number,
	queue: OpenQueue,
): Promise<{ readonly address: string; close(): Promise<void> }> => {
	const { Gauge } = await import('prom-client');
	new Gauge({
		name: 'propagate_queue_jobs',
		help: 'Jobs in the queue, by state.',
		labelNames: ['state'],
		registers: [registry],
		async collect() {
			const silence = setTimeout(ANSWER_MS, {}, { ref: false });
			for (const [state, count] of Object.entries(await Promise.race([countJobs(queue), silence]))) {
				this.set({ state }, count);
			}
		},
	});
	const server = createServer(async (request, response) => {
		if (request.method !== 'GET' || request.url !== '/metrics') {
			response.writeHead(404).end();
			return;
		}
		try {
			const text = await registry.metrics();
			response.writeHead(200, { 'content-type': registry.contentType }).end(text);
		} catch {
			response.writeHead(503).end();
		}
	});
	await new Promise<void>((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) =>
			reject(
				new UserError(`The port ${port} can't be used for metrics (${error.code}); choose another one.`),
			),
		);
		server.listen(port, '127.0.0.1', resolve);
	});
	return {
		address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
		close: async () => {
			server.closeAllConnections();
			await new Promise<void>((resolve) => server.close(() => resolve()));
		},
	};
};
