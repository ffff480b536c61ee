import type { Raster } from './frame.js';

/** New memory for the pixels of a frame, which all threads can see without a copy. */
export const sharedPixels = (bytes: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(bytes));

/**
 * Memory of frames that is used again. Engines don't count what threads share when they decide to collect garbage, so dozens of
 * frames would pile up; a run that knows when it is done with a frame gives it back instead.
 */
export class FramePool {
	readonly #free: Uint8Array[] = [];

	/** Memory of so many bytes, whatever is in it. */
	take(bytes: number): Uint8Array {
		const pixels = this.#free.pop();
		return pixels?.length === bytes ? pixels : sharedPixels(bytes);
	}

	/** Nobody, in no thread, may look at the image any more: the next frame is written over it. */
	giveBack({ data }: Raster<3>): void {
		if (data.buffer instanceof SharedArrayBuffer) {
			this.#free.push(data);
		}
	}
}
