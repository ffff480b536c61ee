/**
 * Protocol-buffer wire format, writing side. A message is a list of byte chunks, so that large payloads
 * are referred to and never copied until the file is written.
 */
export type Chunks = readonly Uint8Array[];

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Base-128 varint; negative numbers take ten bytes (two's complement), as protobuf's int64 does. */
const varint = (value: number | bigint): Uint8Array => {
	let rest = BigInt.asUintN(64, BigInt(value));
	const bytes: number[] = [];
	while (rest >= 0x80n) {
		bytes.push(Number(rest & 0x7fn) | 0x80);
		rest >>= 7n;
	}
	bytes.push(Number(rest));
	return Uint8Array.from(bytes);
};

const tag = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);

export const lengthOf = (chunks: Chunks): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

export const intField = (field: number, value: number | bigint): Chunks => [
	tag(field, VARINT),
	varint(value),
];

export const bytesField = (field: number, value: Uint8Array): Chunks => [
	tag(field, LENGTH_DELIMITED),
	varint(value.length),
	value,
];

export const textField = (field: number, value: string): Chunks =>
	bytesField(field, new TextEncoder().encode(value));

export const messageField = (field: number, message: Chunks): Chunks => [
	tag(field, LENGTH_DELIMITED),
	varint(lengthOf(message)),
	...message,
];

export const floatField = (field: number, value: number): Chunks => {
	const bytes = new Uint8Array(4);
	new DataView(bytes.buffer).setFloat32(0, value, true);
	return [tag(field, FIXED32), bytes];
};

/** Joins the chunks to one array. */
export const concatenate = (chunks: Chunks): Uint8Array => {
	const whole = new Uint8Array(lengthOf(chunks));
	let offset = 0;
	for (const chunk of chunks) {
		whole.set(chunk, offset);
		offset += chunk.length;
	}
	return whole;
};
