import type { DescriptorMap } from '../core/descriptor-map.js';
import type { Float32Tensor } from '../runtime/tensor.js';

/** Adds up the steps' partial sums in place, so that one descriptor map is held however many steps there are. */
export class DescriptorSum {
	#dims: readonly number[] = [];
	#data: Float32Array = new Float32Array(0);

	/** @param partial [1, C, h, w], the same shape each time */
	add(partial: Float32Tensor): void {
		if (this.#data.length === 0) {
			this.#data = partial.data;
			this.#dims = partial.dims;
			return;
		}
		if (partial.dims.join() !== this.#dims.join()) {
			throw new Error(`Partial sums of different shapes: [${this.#dims}] and [${partial.dims}].`);
		}
		const data = this.#data;
		for (let i = 0; i < data.length; i++) {
			data[i]! += partial.data[i]!;
		}
	}

	toMap(): DescriptorMap {
		const [, channels = 0, height = 0, width = 0] = this.#dims;
		return { channels, height, width, data: this.#data };
	}
}
