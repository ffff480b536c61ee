/** Runs a one-node graph on the device that is named, prints how that went, and ends with 1 if it did not work. */
import { firstLineOf } from '../core/errors.js';
import { buildGraph } from '../onnx/build-graph.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import { devices } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';

const runtime = openRuntime({ device: devices.find((name) => name === process.argv[2]) });
try {
	const session = await runtime.load(
		buildGraph({
			name: 'double',
			opset: 17,
			inputs: [{ name: 'x', type: 'float32', shape: ['n'] }],
			outputs: [{ name: 'y', type: 'float32', shape: ['n'] }],
			nodes: [{ opType: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
			initializers: [],
		}),
	);
	const { y } = await session.run({ x: float32(new Float32Array([21]), [1]) });
	if (Number(y?.data[0]) !== 42) {
		throw new Error('the device computes wrong results');
	}
	process.stdout.write('works\n');
} catch (error) {
	process.stdout.write(`${firstLineOf(error)}\n`);
	process.exitCode = 1;
} finally {
	await runtime.close();
}
