import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { buildGraph } from '../../src/onnx/build-graph.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { float32 } from '../../src/runtime/tensor.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

const addGraph = (): Uint8Array =>
	buildGraph({
		name: 'add',
		opset: 17,
		inputs: [
			{ name: 'a', type: 'float32', shape: ['n'] },
			{ name: 'b', type: 'float32', shape: ['n'] },
		],
		outputs: [{ name: 'sum', type: 'float32', shape: ['n'] }],
		nodes: [{ opType: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
		initializers: [],
	});

const vector = (...values: number[]) => float32(Float32Array.from(values), [values.length]);

it('runs a graph and says what it takes and gives', async () => {
	const session = await runtime.load(addGraph());
	expect(session.inputs.map(({ name, type }) => `${name}: ${type}`)).toEqual(['a: float32', 'b: float32']);
	const { sum } = await session.run({ a: vector(1, 2), b: vector(10, 20) });
	expect([...(sum?.data ?? [])]).toEqual([11, 22]);
	await session.release();
	await expect(session.run({ a: vector(1), b: vector(1) })).rejects.toThrow('released');
});

it('keeps results on the device and feeds them to later runs', async () => {
	const session = await runtime.load(addGraph());
	const { sum } = await session.runResident({ a: vector(1, 2), b: vector(3, 4) });
	if (sum === undefined) {
		throw new Error('nothing was returned');
	}
	const again = await session.run({ a: sum, b: vector(100, 100) });
	expect([...(again.sum?.data ?? [])]).toEqual([104, 106]);
	runtime.free(sum);
	await expect(session.run({ a: sum, b: vector(0, 0) })).rejects.toThrow('after it was freed');
	await session.release();
});

const [channels, activation, weight] = [64, 250, 120];

/** Sums of `channels` products of 8-bit integers, added up `times` times with the same weights: each activation * weight * channels. */
const byteSums = (times: number): Uint8Array => {
	const scalar = (name: string, value: number) => ({ name, tensor: float32(Float32Array.of(value), []) });
	const bytes = (name: string, data: Int8Array, ...dims: number[]) => ({
		name,
		tensor: { type: 'int8' as const, data, dims },
	});
	return buildGraph({
		name: 'convolutions',
		opset: 17,
		inputs: [{ name: 'x', type: 'float32', shape: [1, channels, 4, 4] }],
		outputs: [...Array(times).keys()].map((n) => ({ name: `y${n}`, type: 'float32', shape: [1, 1, 4, 4] })),
		nodes: [
			{ opType: 'QuantizeLinear', inputs: ['x', 'one', 'zero'], outputs: ['bytes'] },
			...[...Array(times).keys()].flatMap((n) => [
				{ opType: 'DequantizeLinear', inputs: ['bytes', 'one', 'zero'], outputs: [`read${n}`] },
				{ opType: 'DequantizeLinear', inputs: ['weight', 'one', 'weight_zero'], outputs: [`weight${n}`] },
				{ opType: 'Conv', inputs: [`read${n}`, `weight${n}`], outputs: [`sum${n}`] },
				{ opType: 'QuantizeLinear', inputs: [`sum${n}`, 'step', 'zero'], outputs: [`rounded${n}`] },
				{ opType: 'DequantizeLinear', inputs: [`rounded${n}`, 'step', 'zero'], outputs: [`y${n}`] },
			]),
		],
		initializers: [
			scalar('one', 1),
			scalar('step', 10_000),
			{ name: 'zero', tensor: { type: 'uint8', data: Uint8Array.of(0), dims: [] } },
			bytes('weight_zero', Int8Array.of(0)),
			bytes('weight', new Int8Array(channels).fill(weight), 1, channels, 1, 1),
		],
	});
};
const activations = float32(new Float32Array(channels * 16).fill(activation), [1, channels, 4, 4]);

it('adds up products of 8-bit integers exactly, on processors without instructions for it, too', async () => {
	const session = await runtime.load(byteSums(1));
	const { y0 } = await session.run({ x: activations });
	expect([...(y0?.data ?? [])]).toEqual(Array(16).fill(channels * activation * weight));
	await session.release();
});

it('runs graphs whose layers share their 8-bit weights', async () => {
	const session = await runtime.load(byteSums(2));
	const { y0, y1 } = await session.run({ x: activations });
	expect(y0?.data.length).toBe(16);
	expect(y1?.data).toEqual(y0?.data);
	await session.release();
});

it('leaves the main thread free while it computes', async () => {
	const session = await runtime.load(addGraph());
	const large = float32(new Float32Array(20_000_000), [20_000_000]);
	let ticks = 0;
	const clock = setInterval(() => ticks++, 1);
	await session.run({ a: large, b: large }, ['sum']);
	clearInterval(clock);
	expect(ticks).toBeGreaterThan(1);
	await session.release();
});

it('can be closed at every moment of its start: stopping a thread in a native library would abort the process', async () => {
	const runtimeModule = new URL('../../dist/runtime/onnx-runtime.js', import.meta.url).href;
	const script = `
		import { openRuntime } from '${runtimeModule}';
		const runtime = openRuntime({ device: 'cpu' });
		// It starts with what is asked for first.
		runtime.load('no-such-graph.onnx').catch(() => {});
		await new Promise((done) => setTimeout(done, Number(process.argv[1])));
		await runtime.close();`;
	// Each in a process of its own: the library is loaded once in a process, and loading takes some 50 ms.
	for (let delay = 0; delay <= 160; delay += 8) {
		await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, `${delay}`]);
	}
});

it('settles requests that are open when it is closed', async () => {
	const other = openRuntime({ device: 'cpu' });
	const session = await other.load(addGraph());
	const pending = session.run({ a: vector(1), b: vector(1) }).then(
		() => 'done',
		(error: Error) => error.message,
	);
	await other.close();
	expect(await pending).toMatch(/done|closed/);
	await expect(other.load(addGraph())).rejects.toThrow('closed');
});

it('refuses a device that is not here with what would be right', async () => {
	const other = openRuntime({ device: process.platform === 'darwin' ? 'dml' : 'coreml' });
	await expect(other.load(addGraph())).rejects.toThrow('--device cpu');
	await other.close();
});
