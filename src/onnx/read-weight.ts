import { resolve } from 'node:path';
import { UserError } from '../core/errors.js';
import type { ExternalData } from './external-data.js';
import type { Weight } from './model.js';
import {
	type ByteSource,
	type Field,
	fieldsOf,
	intOf,
	intsOf,
	LENGTH_DELIMITED,
	textOf,
} from './wire-reader.js';

/** Weights up to this size stay in the graph, where the runtime can fold constants and infer shapes with them. */
const INLINE_BYTES = 1024;
/** Values that are neither raw nor external would have to be converted; exporters only write small ones so. */
const MAX_CONVERTED_BYTES = 64 << 20;

const FLOAT = 1;
/** Bytes of an element, by its number in `TensorProto.DataType`; absent for strings and sub-byte types. */
const elementBytes: Readonly<Record<number, number>> = {
	1: 4,
	2: 1,
	3: 1,
	4: 2,
	5: 2,
	6: 4,
	7: 8,
	9: 1,
	10: 2,
	11: 8,
	12: 4,
	13: 8,
	14: 8,
	15: 16,
	16: 2,
	17: 1,
	18: 1,
	19: 1,
	20: 1,
};

type External = { location: string; offset: number; length: number | undefined };

const readExternal = (source: ByteSource, entries: readonly Field[]): External => {
	const values = new Map<string, string>();
	for (const entry of entries) {
		let key = '';
		let value = '';
		for (const field of fieldsOf(source, entry.start, entry.end)) {
			if (field.number === 1) {
				key = textOf(source, field);
			} else if (field.number === 2) {
				value = textOf(source, field);
			}
		}
		values.set(key, value);
	}
	const length = values.get('length');
	return {
		location: values.get('location') ?? '',
		offset: Number(values.get('offset') ?? 0),
		length: length === undefined ? undefined : Number(length),
	};
};

/**
 * Parses a `TensorProto` that lies at `start` .. `end` of a model file. Its values are only located, never read.
 *
 * @throws UserError for external data outside the model's folder or past the end of its file
 */
export const readWeight = (
	source: ByteSource,
	start: number,
	end: number,
	modelPath: string,
	externalData: ExternalData,
): Weight => {
	const dims: number[] = [];
	const external: Field[] = [];
	let name = '';
	let typeCode = 0;
	let isExternal = false;
	let raw: Field | undefined;
	for (const field of fieldsOf(source, start, end)) {
		switch (field.number) {
			case 1:
				dims.push(...intsOf(source, field));
				break;
			case 2:
				typeCode = intOf(source, field);
				break;
			case 4:
				// Packed floats have the layout of raw data.
				raw = typeCode === FLOAT && field.wireType === LENGTH_DELIMITED ? field : raw;
				break;
			case 8:
				name = textOf(source, field);
				break;
			case 9:
				raw = field;
				break;
			case 13:
				external.push(field);
				break;
			case 14:
				isExternal = intOf(source, field) === 1;
				break;
		}
	}
	const expected = dims.reduce((product, size) => product * size, elementBytes[typeCode] ?? Number.NaN);
	const located = (path: string, offset: number, length: number, size: number): Weight => {
		if (!(Number.isSafeInteger(offset) && offset >= 0 && offset + length <= size) || length !== expected) {
			throw new UserError(
				`The weight "${name}" [${dims.join(', ')}] needs ${expected} bytes but ${path} gives it ${length} at ${offset} of ${size}; export or download the model again.`,
			);
		}
		return { name, typeCode, dims, data: { kind: 'file', path, offset, length } };
	};
	if (isExternal) {
		const { location, offset, length } = readExternal(source, external);
		const { path, size } = externalData.find(location, name);
		return located(path, offset, length ?? expected, size);
	}
	if (raw !== undefined && raw.end - raw.start > INLINE_BYTES) {
		return located(resolve(modelPath), raw.start, raw.end - raw.start, source.length);
	}
	if (end - start > MAX_CONVERTED_BYTES) {
		throw new UserError(`The weight "${name}" is not stored as raw data; export the model with raw weights.`);
	}
	return { name, typeCode, dims, data: { kind: 'inline', bytes: source.read(start, end) } };
};
