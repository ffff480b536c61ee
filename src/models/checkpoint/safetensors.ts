import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { openRegularFile } from '../../core/regular-file.js';
import { fromHalves } from '../../store/half-precision.js';
import { bfloatToFloat, type Checkpoint, type CheckpointTensor, ValueBudget } from './checkpoint.js';

const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

const elementTypes = {
	F32: { bytes: 4, decode: (buffer: ArrayBuffer) => new Float32Array(buffer) },
	F64: { bytes: 8, decode: (buffer: ArrayBuffer) => Float32Array.from(new Float64Array(buffer)) },
	F16: { bytes: 2, decode: (buffer: ArrayBuffer) => fromHalves(new Uint16Array(buffer)) },
	BF16: { bytes: 2, decode: (buffer: ArrayBuffer) => bfloatToFloat(new Uint16Array(buffer)) },
} as const;

const tensorSchema = z.object({
	dtype: z.enum(['F32', 'F64', 'F16', 'BF16']),
	shape: z.array(z.int().nonnegative()),
	data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const metadataSchema = z.record(z.string(), z.string());

const parseConfig = (metadata: unknown): Map<string, unknown> => {
	const text = metadataSchema.safeParse(metadata).data?.config;
	const config: unknown = text === undefined ? {} : JSON.parse(text);
	return new Map(Object.entries(z.record(z.string(), z.unknown()).parse(config)));
};

/**
 * Reads a `.safetensors` file (https://github.com/huggingface/safetensors). The training configuration is
 * taken from the metadata key `config` (JSON) when it is there.
 *
 * @throws UserError for malformed files
 */
export const readSafetensors = async (path: string): Promise<Checkpoint> => {
	const refuse = (what: string, cause?: unknown): UserError =>
		new UserError(
			`${path} was refused because ${what}; expected a .safetensors file of floating-point weights.`,
			{
				cause,
			},
		);
	const file = await openRegularFile(path);
	try {
		const { size } = await file.stat();
		const readAt = async (offset: number, length: number): Promise<ArrayBuffer> => {
			const bytes = new Uint8Array(length);
			await file.read(bytes, 0, length, offset);
			return bytes.buffer;
		};
		const headerLength =
			size < LENGTH_BYTES ? -1 : Number(new DataView(await readAt(0, LENGTH_BYTES)).getBigUint64(0, true));
		if (headerLength < 2 || headerLength > MAX_HEADER_BYTES || LENGTH_BYTES + headerLength > size) {
			throw refuse('its header is cut off');
		}
		let header: Record<string, unknown>;
		let config: Map<string, unknown>;
		try {
			const text = new TextDecoder().decode(await readAt(LENGTH_BYTES, headerLength));
			header = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
			config = parseConfig(header.__metadata__ ?? {});
		} catch (error) {
			throw refuse('its header is not valid JSON', error);
		}
		const dataStart = LENGTH_BYTES + headerLength;
		const tensors = new Map<string, CheckpointTensor>();
		const budget = new ValueBudget();
		for (const [name, entry] of Object.entries(header)) {
			if (name === '__metadata__') {
				continue;
			}
			const parsed = tensorSchema.safeParse(entry);
			if (!parsed.success) {
				throw refuse(`its tensor "${name}" is not of floating-point type or malformed`);
			}
			const {
				dtype,
				shape,
				data_offsets: [begin, end],
			} = parsed.data;
			const { bytes, decode } = elementTypes[dtype];
			if (begin > end || dataStart + end > size) {
				throw refuse(`its tensor "${name}" reaches past the end`);
			}
			const count = budget.take(name, shape, (end - begin) / bytes);
			tensors.set(name, { shape, data: decode(await readAt(dataStart + begin, count * bytes)) });
		}
		return { tensors, config };
	} finally {
		await file.close();
	}
};
