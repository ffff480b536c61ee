import type { OnnxModel, OnnxValue, Weight } from './model.js';
import { bytesField, type Chunks, concatenate, intField, messageField, textField } from './wire-writer.js';

const EXTERNAL = 1;

const encodeWeight = (weight: Weight, locationOf: (path: string) => string): Chunks => {
	const { data } = weight;
	if (data.kind === 'inline') {
		return [data.bytes];
	}
	const entries = {
		location: locationOf(data.path),
		offset: String(data.offset),
		length: String(data.length),
	};
	return [
		...weight.dims.flatMap((size) => intField(1, size)),
		...intField(2, weight.typeCode),
		...textField(8, weight.name),
		...Object.entries(entries).flatMap(([key, value]) =>
			messageField(13, [...textField(1, key), ...textField(2, value)]),
		),
		...intField(14, EXTERNAL),
	];
};

const encodeValueInfo = ({ name, typeCode, shape }: OnnxValue): Chunks => {
	const dimensions = shape?.flatMap((size) =>
		messageField(1, typeof size === 'number' ? intField(1, size) : size === '' ? [] : textField(2, size)),
	);
	const tensorType = [
		...intField(1, typeCode),
		...(dimensions === undefined ? [] : messageField(2, dimensions)),
	];
	return [...textField(1, name), ...messageField(2, messageField(1, tensorType))];
};

/**
 * Serialises an edited model. Weights in files become external data.
 *
 * @param locationOf how a weights file is named relative to the written model's folder
 */
export const encodeModel = (model: OnnxModel, locationOf: (path: string) => string): Uint8Array =>
	concatenate([
		...intField(1, model.irVersion),
		...textField(2, 'propagate'),
		...messageField(7, [
			...model.nodes.flatMap((node) => bytesField(1, node.bytes)),
			...textField(2, 'main'),
			...model.weights.flatMap((weight) => messageField(5, encodeWeight(weight, locationOf))),
			...model.inputs.flatMap((value) => messageField(11, encodeValueInfo(value))),
			...model.outputs.flatMap((value) => messageField(12, encodeValueInfo(value))),
		]),
		...model.opsets.flatMap(({ domain, version }) =>
			messageField(8, [...textField(1, domain), ...intField(2, version)]),
		),
		...model.functions.flatMap((bytes) => bytesField(25, bytes)),
	]);
