import { expect, it } from 'vitest';
import {
	assign,
	call,
	differs,
	either,
	forEach,
	isLess,
	larger,
	loadedByte,
	loadedFrom,
	product,
	quotient,
	scaledFloat,
	smaller,
	storeAt,
	storeFloatAt,
	sum,
	type Value,
} from '../../src/wasm/expressions.js';
import { type Code, compileKernel, get, I32, when } from '../../src/wasm/module.js';

const memoryWith = (...ints: readonly number[]): WebAssembly.Memory => {
	const memory = new WebAssembly.Memory({ initial: 1 });
	new Int32Array(memory.buffer).set(ints);
	return memory;
};

/** What an expression of two numbers is. */
const resultOf = (expression: (a: Code, b: Code) => Value, a: number, b: number): number => {
	const memory = memoryWith();
	const body = storeAt(0, expression(get(0), get(1)));
	compileKernel({ parameters: [I32, I32], locals: [], body }, memory)(a, b);
	return new Int32Array(memory.buffer)[0] ?? 0;
};

it('computes with numbers and with what code leaves', () => {
	expect(resultOf((a, b) => sum(a, b, 5), 3, 4)).toBe(12);
	expect(resultOf((a, b) => product(sum(a, 1), b), 3, -4)).toBe(-16);
	expect(resultOf((a, b) => quotient(a, b), 17, 4)).toBe(4);
	expect(resultOf((a, b) => smaller(a, b), -3, 4)).toBe(-3);
	expect(resultOf((a, b) => larger(a, b), -3, 4)).toBe(4);
	expect(resultOf((a, b) => either(isLess(a, b), 10, 20), 3, 4)).toBe(10);
	expect(resultOf((a, b) => either(isLess(a, b), 10, 20), 4, 4)).toBe(20);
});

it('walks over memory in steps, up to an end that may be where it begins', () => {
	const total = (from: number, until: number): number => {
		const memory = memoryWith(1, 20, 300, 4000);
		const [begin, end, at, added] = [0, 1, 2, 3];
		const body = [
			...forEach(
				at,
				{ from: get(begin), until: get(end), step: 4 },
				assign(added, sum(get(added), loadedFrom(get(at)))),
			),
			...storeAt(100, get(added)),
		];
		compileKernel({ parameters: [I32, I32], locals: [I32, I32], body }, memory)(from, until);
		return new Int32Array(memory.buffer)[25] ?? 0;
	};
	expect(total(4, 12)).toBe(320);
	expect(total(8, 8)).toBe(0);
});

it('reads bytes, and writes integers as scaled floats', () => {
	const memory = memoryWith(0x01_ff_02_03, 3);
	const body = [...storeAt(8, loadedByte(2)), ...storeFloatAt(12, scaledFloat(loadedFrom(4), 0.5))];
	compileKernel({ parameters: [], locals: [], body }, memory)();
	expect(new Int32Array(memory.buffer)[2]).toBe(255);
	expect(new Float32Array(memory.buffer)[3]).toBe(1.5);
});

it('calls other kernels by their places', () => {
	const memory = memoryWith(7, 0);
	/** Adds a number to one in memory, unless that is 0. */
	const addTo = compileKernel(
		{
			parameters: [I32, I32],
			locals: [],
			body: [...differs(loadedFrom(get(0)), 0), ...when(storeAt(get(0), sum(loadedFrom(get(0)), get(1))))],
		},
		memory,
	);
	const clear = compileKernel({ parameters: [I32], locals: [], body: storeAt(get(0), 0) }, memory);
	const body = [...call(0, 0, 30), ...call(0, 4, 30), ...call(1, 8), ...call(0, 0, 5)];
	compileKernel({ parameters: [], locals: [], body, callees: [addTo, clear] }, memory)();
	expect([...new Int32Array(memory.buffer, 0, 2)]).toEqual([42, 0]);
});
