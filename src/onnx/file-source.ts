import { closeSync, fstatSync, readSync } from 'node:fs';
import { openRegularFileSync } from '../core/regular-file.js';
import type { ByteSource } from './wire-reader.js';

const WINDOW_BYTES = 1 << 20;

/** A file as a byte source: one window of it is in memory. Reads are synchronous; graphs are read rarely. */
export class FileSource implements ByteSource {
	readonly length: number;
	readonly #descriptor: number;
	readonly #window = new Uint8Array(WINDOW_BYTES);
	#windowStart = 0;
	#windowEnd = 0;

	constructor(path: string) {
		this.#descriptor = openRegularFileSync(path);
		this.length = fstatSync(this.#descriptor).size;
	}

	/** Short reads are copied from the window; longer ones bypass it. */
	read(start: number, end: number): Uint8Array {
		const bounded = Math.min(end, this.length);
		if (bounded - start > WINDOW_BYTES) {
			const bytes = new Uint8Array(bounded - start);
			this.#fill(bytes, start);
			return bytes;
		}
		if (start < this.#windowStart || bounded > this.#windowEnd) {
			this.#windowStart = start;
			this.#windowEnd = start + this.#fill(this.#window, start);
		}
		return this.#window.slice(start - this.#windowStart, bounded - this.#windowStart);
	}

	close(): void {
		closeSync(this.#descriptor);
	}

	#fill(bytes: Uint8Array, position: number): number {
		let filled = 0;
		while (filled < bytes.length) {
			const count = readSync(this.#descriptor, bytes, filled, bytes.length - filled, position + filled);
			if (count === 0) {
				break;
			}
			filled += count;
		}
		return filled;
	}
}
