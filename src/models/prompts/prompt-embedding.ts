import type { Runtime } from '../../runtime/session.js';
import { type Float32Tensor, float32 } from '../../runtime/tensor.js';
import { fromHalves } from '../../store/half-precision.js';
import type { PromptTokenizer } from './clip-tokenizer.js';

/**
 * Embeds prompts with a CLIP text encoder: `last_hidden_state` [1, tokens, width].
 *
 * @param encoderPath `text_encoder/model.onnx`; ids may be int32 or int64, the result float32 or float16
 */
export const embedPrompts = async (
	runtime: Runtime,
	encoderPath: string,
	tokenize: PromptTokenizer,
	prompts: readonly string[],
): Promise<Float32Tensor[]> => {
	const session = await runtime.load(encoderPath);
	try {
		const input = session.inputs.find(({ name }) => name === 'input_ids') ?? session.inputs[0];
		const output = session.outputs.find(({ name }) => name === 'last_hidden_state') ?? session.outputs[0];
		if (input === undefined || output === undefined) {
			throw new Error(`${encoderPath} has no inputs or outputs.`);
		}
		const embeddings: Float32Tensor[] = [];
		for (const prompt of prompts) {
			const ids = tokenize(prompt);
			const dims = [1, ids.length];
			const results = await session.run(
				{
					[input.name]:
						input.type === 'int64'
							? { type: 'int64', data: BigInt64Array.from(ids, BigInt), dims }
							: { type: 'int32', data: ids, dims },
				},
				[output.name],
			);
			const embedding = results[output.name];
			if (embedding?.type === 'float16') {
				embeddings.push(float32(fromHalves(embedding.data), embedding.dims));
			} else if (embedding?.type === 'float32') {
				embeddings.push(embedding);
			} else {
				throw new Error(`${encoderPath} returned ${embedding?.type ?? 'nothing'}, expected floating point.`);
			}
		}
		return embeddings;
	} finally {
		await session.release();
	}
};
