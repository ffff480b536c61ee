import { UserError } from '../core/errors.js';

/** Bytes that are read piecewise, so that a file of several GB never has to be in memory. */
export type ByteSource = {
	readonly length: number;
	/** A copy or view of the bytes `start` .. `end`. */
	read(start: number, end: number): Uint8Array;
};

export const sourceOf = (bytes: Uint8Array): ByteSource => ({
	length: bytes.length,
	read: (start, end) => bytes.subarray(start, end),
});

/** One field of a message. `start` .. `end` is the payload: for varints its bytes, for messages their content. */
export type Field = {
	readonly number: number;
	readonly wireType: number;
	readonly start: number;
	readonly end: number;
};

const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const MAX_VARINT_BYTES = 10;

const malformed = (what: string): UserError =>
	new UserError(`The file is not a valid ONNX graph: ${what}; export it again.`);

const readVarint = (source: ByteSource, start: number, limit: number): { value: bigint; end: number } => {
	const bytes = source.read(start, Math.min(start + MAX_VARINT_BYTES, limit));
	let value = 0n;
	for (const [i, byte] of bytes.entries()) {
		value |= BigInt(byte & 0x7f) << BigInt(7 * i);
		if (byte < 0x80) {
			return { value: BigInt.asUintN(64, value), end: start + i + 1 };
		}
	}
	throw malformed('a number is cut off');
};

/** Walks the fields of a message that lies at `start` .. `end` of the source, without looking into their payloads. */
export function* fieldsOf(source: ByteSource, start = 0, end = source.length): Generator<Field> {
	let position = start;
	while (position < end) {
		const tag = readVarint(source, position, end);
		const number = Number(tag.value >> 3n);
		const wireType = Number(tag.value & 7n);
		let payload = tag.end;
		let next: number;
		switch (wireType) {
			case VARINT:
				next = readVarint(source, payload, end).end;
				break;
			case FIXED64:
				next = payload + 8;
				break;
			case FIXED32:
				next = payload + 4;
				break;
			case LENGTH_DELIMITED: {
				const length = readVarint(source, payload, end);
				payload = length.end;
				next = payload + Number(length.value);
				break;
			}
			default:
				throw malformed(`wire type ${wireType} is unknown`);
		}
		if (next > end || number === 0) {
			throw malformed('a field is longer than its message');
		}
		yield { number, wireType, start: payload, end: next };
		position = next;
	}
}

export const intOf = (source: ByteSource, field: Field): number =>
	Number(BigInt.asIntN(64, readVarint(source, field.start, field.end).value));

/** A repeated integer field, packed or not. */
export const intsOf = (source: ByteSource, field: Field): number[] => {
	if (field.wireType === VARINT) {
		return [intOf(source, field)];
	}
	const values: number[] = [];
	for (let position = field.start; position < field.end; ) {
		const { value, end } = readVarint(source, position, field.end);
		values.push(Number(BigInt.asIntN(64, value)));
		position = end;
	}
	return values;
};

export const textOf = (source: ByteSource, field: Field): string =>
	new TextDecoder().decode(source.read(field.start, field.end));
