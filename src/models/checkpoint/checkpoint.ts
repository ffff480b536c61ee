import { UserError } from '../../core/errors.js';

export type CheckpointTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

/** The weights of a trained aggregation network, with the settings it was trained with where the file has them. */
export type Checkpoint = {
	/** By parameter name, such as `bottleneck_layers.0.0.conv1.weight`. */
	readonly tensors: ReadonlyMap<string, CheckpointTensor>;
	/** The file's own `config`; empty when it has none. */
	readonly config: ReadonlyMap<string, unknown>;
};

/** An aggregation network has 6.5 million parameters; this leaves room for wide ones. */
const MAX_VALUES = 150_000_000;

/**
 * Bounds what a checkpoint can make us allocate: every tensor must be there, and because several may lie over the same
 * bytes of the file, all of them together are bounded too.
 */
export class ValueBudget {
	#taken = 0;

	/**
	 * Checks a tensor's values before anything is allocated for them, and counts them.
	 *
	 * @param available values that the file has for it
	 * @throws UserError when they are not all there, or too many
	 */
	take(name: string, shape: readonly number[], available: number): number {
		const count = shape.reduce((product, size) => product * size, 1);
		if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !(count <= available)) {
			throw new UserError(
				`The checkpoint was refused because its tensor "${name}" claims the shape [${shape.join(', ')}] but has ${available} values; download it again.`,
			);
		}
		this.#taken += count;
		if (this.#taken > MAX_VALUES) {
			throw new UserError(
				`The checkpoint was refused because its tensors hold more than ${MAX_VALUES} values; expected the weights of an aggregation network.`,
			);
		}
		return count;
	}
}

/** Converts bfloat16 bit patterns (the upper half of a float32) to float32. */
export const bfloatToFloat = (bits: Uint16Array): Float32Array =>
	new Float32Array(Uint32Array.from(bits, (half) => half * 0x10000).buffer);
