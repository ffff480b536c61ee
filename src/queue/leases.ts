import { setMaxListeners } from 'node:events';

/** Why work on a job is ended before it is done. */
export type EndReason = 'stopped' | 'cancelled' | 'lost';

type Lease = { renewedAt: number; readonly end: AbortController };

/**
 * Jobs that this worker may work on, each for a while that is made longer again and again. When that fails for too long, another worker has the
 * job by now, and work on it is ended here: two must not write at one place.
 */
export class Leases {
	readonly #leases = new Map<string, Lease>();
	readonly #watch: NodeJS.Timeout;

	/** @param leaseMs how long a lease is */
	constructor(leaseMs: number) {
		this.#watch = setInterval(() => {
			const now = Date.now();
			for (const [id, { renewedAt }] of this.#leases) {
				if (now - renewedAt > leaseMs) {
					this.end(id, 'lost');
				}
			}
		}, leaseMs / 10);
		this.#watch.unref();
	}

	get ids(): string[] {
		return [...this.#leases.keys()];
	}

	/** @returns a signal that fires when work is to be ended; its reason is an {@link EndReason} */
	begin(id: string): AbortSignal {
		const end = new AbortController();
		// Each object that is copied listens, and several are at a time.
		setMaxListeners(0, end.signal);
		this.#leases.set(id, { renewedAt: Date.now(), end });
		return end.signal;
	}

	renewed(ids: readonly string[]): void {
		for (const id of ids) {
			const lease = this.#leases.get(id);
			if (lease !== undefined) {
				lease.renewedAt = Date.now();
			}
		}
	}

	end(id: string, reason: EndReason): void {
		this.#leases.get(id)?.end.abort(reason);
	}

	done(id: string): void {
		this.#leases.delete(id);
	}

	close(): void {
		clearInterval(this.#watch);
	}
}
