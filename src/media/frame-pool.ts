import type { Raster } from '../core/frame.js';

/**
 * Memory of frames, which all threads can see without a copy. Engines don't count what threads share when they decide to collect
 * garbage: dozens of frames pile up, unless a run that knows when it is done with a frame gives it back to be used again.
 */
export class FramePool {
	readonly #free: Uint8Array[] = [];

	/** Memory of so many bytes, whatever is in it. */
	take(bytes: number): Uint8Array {
		const pixels = this.#free.pop();
		return pixels?.length === bytes ? pixels : new Uint8Array(new SharedArrayBuffer(bytes));
	}

	/** Nobody, in no thread, may look at the image any more: the next frame is written over it. */
	giveBack({ data }: Raster<3>): void {
		if (data.buffer instanceof SharedArrayBuffer) {
			this.#free.push(data);
		}
	}
}
