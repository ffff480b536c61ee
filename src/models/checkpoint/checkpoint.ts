import { UserError } from '../../errors.js';

export type CheckpointTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

/** The weights of a trained aggregation network, with the settings it was trained with where the file has them. */
export type Checkpoint = {
	/** By parameter name, such as `bottleneck_layers.0.0.conv1.weight`. */
	readonly tensors: ReadonlyMap<string, CheckpointTensor>;
	/** The file's own `config`; empty when it has none. */
	readonly config: ReadonlyMap<string, unknown>;
};

/** An aggregation network has 6.5 million parameters; this leaves room for wide ones. */
const MAX_VALUES = 500_000_000;

/**
 * Checks that a tensor's values are contiguous and all there, before anything is allocated for them.
 *
 * @throws UserError otherwise
 */
export const countValues = (name: string, shape: readonly number[], available: number): number => {
	const count = shape.reduce((product, size) => product * size, 1);
	if (
		!shape.every((size) => Number.isSafeInteger(size) && size >= 0) ||
		!(count <= MAX_VALUES) ||
		count > available
	) {
		throw new UserError(
			`The checkpoint was refused because its tensor "${name}" claims the shape [${shape.join(', ')}] but has ${available} values; download it again.`,
		);
	}
	return count;
};
