import { forEach, loadedByte, loadedFrom, product, storeAt, sum } from '../wasm/expressions.js';
import {
	advance,
	type Code,
	compileKernel,
	get,
	growTo,
	I32,
	type Kernel,
	roundedUp,
} from '../wasm/module.js';

const CHANNELS = 3;
const VALUES = 256;
const TABLES_BYTES = 4 * CHANNELS * VALUES;

const memory = new WebAssembly.Memory({ initial: 1 });

/** From a table of float32 for each channel: [pixels, 3] bytes to [3, pixels] float32. */
const compileLookup = (): Kernel => {
	const [bytes, bytesEnd, planes, planeBytes, at] = [0, 1, 2, 3, 4];
	const lookUp = (channel: number): Code =>
		storeAt(
			sum(get(planes), product(get(planeBytes), channel)),
			// The tables lie at the beginning of the memory.
			loadedFrom(product(loadedByte(get(at), channel), 4), 4 * VALUES * channel),
		);
	return compileKernel(
		{
			parameters: Array(4).fill(I32),
			locals: [I32],
			body: forEach(
				at,
				{ from: get(bytes), until: get(bytesEnd), step: CHANNELS },
				...Array.from({ length: CHANNELS }, (_, channel) => lookUp(channel)),
				advance(planes, 4),
			),
		},
		memory,
	);
};

let kernel: Kernel | undefined;

/**
 * Values of RGB pixels, normalised, in planes.
 *
 * @param data [pixels, 3]
 * @param normalise what a channel's value 0..255 becomes
 * @returns [3, pixels]
 */
export const normaliseColours = (
	data: Uint8Array,
	normalise: (value: number, channel: number) => number,
): Float32Array => {
	const planes = TABLES_BYTES + roundedUp(data.length, 4);
	growTo(memory, planes + 4 * data.length);
	// 256 possible values a channel: a table is faster than dividing at every pixel.
	const tables = new Float32Array(memory.buffer, 0, CHANNELS * VALUES);
	for (let at = 0; at < tables.length; at++) {
		tables[at] = normalise(at % VALUES, Math.floor(at / VALUES));
	}
	new Uint8Array(memory.buffer, TABLES_BYTES).set(data);
	kernel ??= compileLookup();
	kernel(TABLES_BYTES, TABLES_BYTES + data.length, planes, (4 * data.length) / CHANNELS);
	return new Float32Array(memory.buffer, planes, data.length).slice();
};
