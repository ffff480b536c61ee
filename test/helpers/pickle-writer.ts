/** Writes pickles opcode by opcode, so that tests can make what Python's pickler never would. */
const u32 = (value: number): Buffer => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
};

export const PROTOCOL_2 = Buffer.of(0x80, 2);
export const STOP = Buffer.from('.');
export const REDUCE = Buffer.from('R');

export const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
export const text = (value: string): Buffer =>
	Buffer.concat([Buffer.from('X'), u32(Buffer.byteLength(value)), Buffer.from(value)]);
export const integer = (value: number): Buffer => Buffer.concat([Buffer.from('J'), u32(value)]);
/** An integer beyond 32 bits. */
export const long = (value: bigint): Buffer => {
	const bytes = Buffer.alloc(10);
	bytes[0] = 0x8a;
	bytes[1] = 8;
	bytes.writeBigInt64LE(value, 2);
	return bytes;
};
export const tuple = (...items: Buffer[]): Buffer =>
	Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
export const list = (...items: Buffer[]): Buffer =>
	Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]);
export const dict = (entries: Readonly<Record<string, Buffer>>): Buffer =>
	Buffer.concat([
		Buffer.from('}('),
		...Object.entries(entries).flatMap(([key, value]) => [text(key), value]),
		Buffer.from('u'),
	]);
/** `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`. */
export const tensor = (
	key: string,
	shape: Buffer,
	strides: Buffer,
	count: number,
	type = 'FloatStorage',
): Buffer =>
	Buffer.concat([
		global('torch._utils', '_rebuild_tensor_v2'),
		tuple(
			tuple(text('storage'), global('torch', type), text(key), text('cpu'), integer(count)),
			Buffer.from('Q'),
			integer(0),
			shape,
			strides,
			Buffer.of(0x89),
			Buffer.concat([global('collections', 'OrderedDict'), Buffer.from(')R')]),
		),
		REDUCE,
	]);
export const pickle = (...parts: Buffer[]): Buffer => Buffer.concat([PROTOCOL_2, ...parts, STOP]);
