import {
	add,
	advance,
	type Code,
	constant,
	equal,
	get,
	leaveIf,
	load,
	loadByte,
	notLess,
	repeat,
	set,
	subtract,
} from './module.js';

/** Code that leaves one i32, or that number itself. */
export type Value = Code | number;

const codeOf = (value: Value): Code => (typeof value === 'number' ? constant(value) : value);
const joining =
	(operator: Code) =>
	(first: Value, ...rest: readonly Value[]): Code => [
		...codeOf(first),
		...rest.flatMap((value) => [...codeOf(value), ...operator]),
	];

export const sum = joining(add);
export const difference = joining(subtract);
export const product = joining([0x6c]);
/** Of numbers without sign. */
export const quotient = joining([0x6e]);
export const bothBits = joining([0x71]);
export const shiftedRightUnsigned = joining([0x76]);
/** Comparisons, signed unless said otherwise: 1 where they hold, else 0. */
export const equals = joining(equal);
export const differs = joining([0x47]);
export const isLess = joining([0x48]);
export const isLessUnsigned = joining([0x49]);
export const isNotLess = joining(notLess);

/** One of two values, both of which are computed. */
export const either = (condition: Code, yes: Value, no: Value): Code => [
	...codeOf(yes),
	...codeOf(no),
	...condition,
	0x1b,
];
export const smaller = (a: Value, b: Value): Code => either(isLess(a, b), a, b);
export const larger = (a: Value, b: Value): Code => either(isLess(a, b), b, a);

export const loadedFrom = (address: Value, offset = 0): Code => [...codeOf(address), ...load(offset)];
export const loadedByte = (address: Value, offset = 0): Code => [...codeOf(address), ...loadByte(offset)];
/** An i32 as float32, times a constant. */
export const scaledFloat = (value: Value, scale: number): Code => [
	...[...codeOf(value), 0xb2],
	...[0x43, ...new Uint8Array(Float32Array.of(scale).buffer), 0x94],
];

/** Code that leaves one double: JavaScript's numbers, computed as there. */
export const real = (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)];
export const sumOfReals = joining([0xa0]);
export const differenceOfReals = joining([0xa1]);
export const productOfReals = joining([0xa2]);
/** A float32 in memory. */
export const loadedReal = (address: Value): Code => [...codeOf(address), 0x2a, 0, 0, 0xbb];
/** As float32. */
export const storeReal = (address: Value, value: Code): Code => [
	...[...codeOf(address), ...value],
	...[0xb6, 0x38, 0, 0],
];
/** The integer part of a real, as i32. */
export const truncated = (value: Code): Code => [...value, 0xaa];

export const assign = (local: number, value: Value): Code => [...codeOf(value), ...set(local)];
export const storeAt = (address: Value, value: Value): Code => [
	...[...codeOf(address), ...codeOf(value)],
	...[0x36, 0, 0],
];
/** A float32, as {@link scaledFloat} leaves it. */
export const storeFloatAt = (address: Value, float: Code): Code => [...codeOf(address), ...float, 0x38, 0, 0];

/** Runs the body with a local that goes from one value up to another, not included, in steps. */
export const forEach = (
	local: number,
	{ from, until, step }: { readonly from: Value; readonly until: Value; readonly step: number },
	...body: readonly Code[]
): Code => [
	...assign(local, from),
	...repeat(isNotLess(get(local), until), leaveIf, ...body, advance(local, step)),
];

/** Calls one of a kernel's callees, by its place among them. */
export const call = (callee: number, ...values: readonly Value[]): Code => [
	...values.flatMap(codeOf),
	...[0x10, callee],
];
