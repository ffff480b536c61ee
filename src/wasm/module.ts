/**
 * Just enough of WebAssembly's binary format to write a numeric kernel by hand: one function over an imported memory.
 * A kernel is built when its sizes are known, so that they become constants in its code.
 */
export const I32 = 0x7f;
export const V128 = 0x7b;
export const F64 = 0x7c;
export type ValueType = typeof I32 | typeof V128 | typeof F64;

/** Bytes of one or more instructions. */
export type Code = readonly number[];

const unsigned = (value: number): number[] => {
	const bytes: number[] = [];
	let rest = value;
	do {
		const low = rest & 0x7f;
		rest >>>= 7;
		bytes.push(rest === 0 ? low : low | 0x80);
	} while (rest !== 0);
	return bytes;
};

const signed = (value: number): number[] => {
	const bytes: number[] = [];
	let rest = value;
	for (;;) {
		const low = rest & 0x7f;
		rest >>= 7;
		const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
		bytes.push(done ? low : low | 0x80);
		if (done) {
			return bytes;
		}
	}
};

const memoryArgument = (offset: number): number[] => [0, ...unsigned(offset)];
const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const add: Code = [0x6a];
export const subtract: Code = [0x6b];
export const equal: Code = [0x46];
export const isZero: Code = [0x45];
export const leadingZeros: Code = [0x67];
export const lessUnsigned: Code = [0x49];
export const greater: Code = [0x4a];
export const notLess: Code = [0x4e];
/** local += value */
export const advance = (local: number, value: number): Code => [
	...get(local),
	...constant(value),
	...add,
	...set(local),
];
export const load = (offset = 0): Code => [0x28, ...memoryArgument(offset)];
/** An unsigned byte. */
export const loadByte = (offset = 0): Code => [0x2d, ...memoryArgument(offset)];
export const store = (offset = 0): Code => [0x36, ...memoryArgument(offset)];
export const loadVector = (offset = 0): Code => [...vector(0), ...memoryArgument(offset)];
export const storeVector = (offset = 0): Code => [...vector(11), ...memoryArgument(offset)];
export const constantInts = (...lanes: readonly [number, number, number, number]): Code => [
	...vector(12),
	...new Uint8Array(Int32Array.from(lanes).buffer),
];
export const zeroVector: Code = constantInts(0, 0, 0, 0);
export const addInts: Code = vector(0xae);
export const subtractInts: Code = vector(0xb1);
export const leastInts: Code = vector(0xb6);
export const greatestInts: Code = vector(0xb8);
/** Arithmetic shift of four 32-bit integers by an i32. */
export const shiftRightInts: Code = vector(0xac);
/** Shifts of four 32-bit integers by an i32; what comes in from the left is 0. */
export const shiftLeftBits: Code = vector(0xab);
export const shiftRightBits: Code = vector(0xad);
/** The lower, the upper four of eight 16-bit integers as 32-bit ones. */
export const widenLowShorts: Code = vector(0xa7);
export const widenHighShorts: Code = vector(0xa8);
/** Two vectors of 32-bit integers as one of 16-bit integers, saturating. */
export const narrowInts: Code = vector(0x85);
/** The same as unsigned 16-bit integers. */
export const narrowToUnsigned: Code = vector(0x86);
export const multiplyInts: Code = vector(0xb5);
/** All bits of a lane set where the first 32-bit integer is greater than the second, none elsewhere. */
export const greaterInts: Code = vector(0x3b);
/** 1 when any bit is set, else 0. */
export const isAnySet: Code = vector(0x53);
/** One of four 32-bit integers. */
export const laneOf = (lane: number): Code => [...vector(0x1b), lane];
/** Four copies of an i32. */
export const splatInt: Code = vector(0x11);
/** Four copies of a number known now. */
export const splatNumber = (value: number): Code => constantInts(value, value, value, value);
/** Four bytes from memory, the other twelve are 0. */
export const loadFourBytes = (offset = 0): Code => [...vector(0x5c), ...memoryArgument(offset)];
/** The first four bytes of a vector into memory. */
export const storeFourBytes = (offset = 0): Code => [...vector(0x5a), ...memoryArgument(offset), 0];
/** Four copies of a 32-bit number in memory. */
export const loadSplat = (offset = 0): Code => [...vector(0x09), ...memoryArgument(offset)];
/** The lower, the upper eight of sixteen unsigned bytes as 16-bit integers. */
export const widenLowBytes: Code = vector(0x89);
export const widenHighBytes: Code = vector(0x8a);
/** The lower, the upper four of eight unsigned 16-bit integers as 32-bit ones. */
export const widenLowUnsigned: Code = vector(0xa9);
export const widenHighUnsigned: Code = vector(0xaa);
/** Two vectors of 16-bit integers as one of unsigned bytes, saturating. */
export const narrowToBytes: Code = vector(0x66);
export const addFloats: Code = vector(0xe4);
export const subtractFloats: Code = vector(0xe5);
export const multiplyFloats: Code = vector(0xe6);
export const divideFloats: Code = vector(0xe7);
export const maxFloats: Code = vector(0xe9);
/** All bits of a lane set where the first float is not smaller than the second, none elsewhere. */
export const notSmallerFloats: Code = vector(0x46);
/** All bits of a lane set where two 32-bit integers are equal, none elsewhere. */
export const equalInts: Code = vector(0x37);
/** Bits of the first where a third's are set, of the second elsewhere. */
export const chooseBits: Code = vector(0x52);
export const andBits: Code = vector(0x4e);
/** The bits of the first that the second does not have. */
export const andNotBits: Code = vector(0x4f);
export const orBits: Code = vector(0x50);
export const squareRoots: Code = vector(0xe3);
export const absoluteFloats: Code = vector(0xe0);
export const leastFloats: Code = vector(0xe8);
/** All bits of a lane set where the first float is greater than the second, none elsewhere. */
export const greaterFloats: Code = vector(0x44);
/** The nearest whole numbers, still floats. */
export const wholeFloats: Code = vector(0x6a);
/** Four floats as 32-bit integers. */
export const truncateFloats: Code = vector(0xf8);
/** Nearest 32-bit integers of four floats. */
export const roundFloats: Code = [...wholeFloats, ...truncateFloats];
/** Four copies of a 32-bit float. */
export const splatFloat = (value: number): Code => [
	0x43,
	...new Uint8Array(Float32Array.of(value).buffer),
	...vector(0x13),
];
/** Products of eight pairs of 16-bit integers, neighbours added: four 32-bit integers. */
export const dotShorts: Code = vector(0xba);
/** Four 32-bit lanes chosen from two vectors: lanes 0..3 of the first, 4..7 of the second. */
export const shuffleInts = (...lanes: readonly [number, number, number, number]): Code => [
	...vector(13),
	...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
];
/** Repeats the body while the i32 that it leaves behind is not 0. */
export const repeatWhile = (...body: readonly Code[]): Code =>
	joined([0x03, 0x40], body.flat(), [0x0d, 0, 0x0b]);

/** Runs the body when the i32 on the stack is not 0. */
export const when = (...body: readonly Code[]): Code => [0x04, 0x40, ...body.flat(), 0x0b];
/** Repeats the body until {@link leaveIf} ends it. */
export const repeat = (...body: readonly Code[]): Code => [
	...[0x02, 0x40, 0x03, 0x40],
	...body.flat(),
	...[0x0c, 0, 0x0b, 0x0b],
];
/** Directly in the body of {@link repeat}: ends it when the i32 on the stack is not 0. */
export const leaveIf: Code = [0x0d, 1];

/** A compiled kernel; one that another kernel calls takes i32 only. */
export type Kernel = (...parameters: number[]) => void;

export type KernelSpec = {
	readonly parameters: readonly ValueType[];
	/** Types of the locals, numbered on from the parameters. */
	readonly locals: readonly ValueType[];
	readonly body: Code;
	/** Kernels of the same memory that the body calls. */
	readonly callees?: readonly Kernel[] | undefined;
};

/** `flat` and not spreading: a kernel has thousands of bytes, and engines compile a loop for each spread of them. */
const joined = (...parts: readonly (readonly number[])[]): number[] => parts.flat();
const list = (items: readonly (readonly number[])[]): number[] =>
	joined(unsigned(items.length), items.flat());
const sized = (bytes: readonly number[]): number[] => joined(unsigned(bytes.length), bytes);
const named = (name: string): number[] => sized([...new TextEncoder().encode(name)]);
const section = (id: number, ...items: readonly (readonly number[])[]): number[] =>
	joined([id], sized(list(items)));
const imported = (name: string, ...description: number[]): number[] =>
	joined(named('engine'), named(name), description);
const typeOf = (parameters: readonly ValueType[]): number[] =>
	joined([0x60], list(parameters.map((type) => [type])), [0]);

/** A module that imports `engine.memory` and its callees, `engine.0` and so on, and exports its one function as `kernel`. */
export const encodeModule = ({
	parameters,
	locals,
	body,
	callees = [],
}: KernelSpec): Uint8Array<ArrayBuffer> =>
	new Uint8Array(
		joined(
			[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
			section(1, typeOf(parameters), ...callees.map((callee) => typeOf(Array(callee.length).fill(I32)))),
			section(2, imported('memory', 2, 0, 0), ...callees.map((_, at) => imported(`${at}`, 0, at + 1))),
			section(3, [0]),
			section(7, joined(named('kernel'), [0, callees.length])),
			section(10, sized(joined(list(locals.map((type) => [1, type])), body, [0x0b]))),
		),
	);

/** Compiles a kernel for a memory. */
export const compileKernel = (spec: KernelSpec, memory: WebAssembly.Memory): Kernel => {
	const callees = (spec.callees ?? []).map((callee, at) => [`${at}`, callee] as const);
	const instance = new WebAssembly.Instance(new WebAssembly.Module(encodeModule(spec)), {
		engine: { memory, ...Object.fromEntries(callees) },
	});
	return instance.exports.kernel as Kernel;
};

/** Bytes of an address, of a 32-bit integer or of a float32. */
export const INT_BYTES = 4;

export const roundedUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** WebAssembly memory grows by pages of so many bytes. */
export const PAGE_BYTES = 65536;

/** Makes a memory hold at least so many bytes. Where it has to grow, views of its buffer are detached. */
export const growTo = (memory: WebAssembly.Memory, bytes: number): void => {
	const missing = bytes - memory.buffer.byteLength;
	if (missing > 0) {
		memory.grow(Math.ceil(missing / PAGE_BYTES));
	}
};
