import { FileSource } from './file-source.js';
import type { OnnxModel, Weight } from './model.js';
import { bytesField, concatenate, intField, textField } from './wire-writer.js';

/** A small model with its weights inside: encoded, it needs no file beside it. */
export const inlineWeights = (model: OnnxModel): OnnxModel => {
	const sources = new Map<string, FileSource>();
	const inlined = (weight: Weight): Weight => {
		const { name, dims, typeCode, data } = weight;
		if (data.kind === 'inline') {
			return weight;
		}
		const source = sources.get(data.path) ?? new FileSource(data.path);
		sources.set(data.path, source);
		const raw = source.read(data.offset, data.offset + data.length);
		const tensor = [
			...dims.flatMap((size) => intField(1, size)),
			...intField(2, typeCode),
			...textField(8, name),
			...bytesField(9, raw),
		];
		return { ...weight, data: { kind: 'inline', bytes: concatenate(tensor) } };
	};
	try {
		return { ...model, weights: model.weights.map(inlined) };
	} finally {
		for (const source of sources.values()) {
			source.close();
		}
	}
};
