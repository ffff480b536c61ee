import { UserError } from '../core/errors.js';
import { fromHalves } from './half-precision.js';

/** An array of NumPy's `.npy` format, in row-major order. */
export type NpyArray = {
	readonly shape: readonly number[];
	readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
};

const MAGIC = '\x93NUMPY';
/** Magic and version. */
const PREAMBLE_BYTES = 8;
/** A dictionary of three entries. */
const MAX_HEADER_BYTES = 65536;

const readers = {
	'<f2': ({ buffer, byteOffset, byteLength }: Uint8Array) =>
		fromHalves(new Uint16Array(buffer, byteOffset, byteLength / 2)),
	'<f4': ({ buffer, byteOffset, byteLength }: Uint8Array) =>
		new Float32Array(buffer, byteOffset, byteLength / 4),
	'<f8': ({ buffer, byteOffset, byteLength }: Uint8Array) =>
		new Float64Array(buffer, byteOffset, byteLength / 8),
	'<i4': ({ buffer, byteOffset, byteLength }: Uint8Array) =>
		new Int32Array(buffer, byteOffset, byteLength / 4),
	'<i8': ({ buffer, byteOffset, byteLength }: Uint8Array) =>
		new BigInt64Array(buffer, byteOffset, byteLength / 8),
	'|u1': ({ buffer, byteOffset, byteLength }: Uint8Array) => new Uint8Array(buffer, byteOffset, byteLength),
} as const;

const elementBytes = { '<f2': 2, '<f4': 4, '<f8': 8, '<i4': 4, '<i8': 8, '|u1': 1 } as const;

const isReadable = (type: string | undefined): type is keyof typeof readers =>
	type !== undefined && Object.hasOwn(readers, type);

/**
 * Reads a `.npy` array (format 1 to 3; https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). As a rule
 * it stays where it is and shares the memory of `bytes`; half precision becomes single.
 *
 * @throws UserError for other files, element types and column-major arrays
 */
export const parseNpy = (bytes: Uint8Array): NpyArray => {
	const refuse = (what: string): never => {
		throw new UserError(`The .npy array can't be used: ${what}; expected a row-major array of float32.`);
	};
	if (bytes.length < PREAMBLE_BYTES + 4 || Buffer.from(bytes.subarray(0, 6)).toString('latin1') !== MAGIC) {
		refuse('it is not a .npy file');
	}
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const lengthBytes = view.getUint8(6) === 1 ? 2 : 4;
	const headerLength =
		lengthBytes === 2 ? view.getUint16(PREAMBLE_BYTES, true) : view.getUint32(PREAMBLE_BYTES, true);
	const start = PREAMBLE_BYTES + lengthBytes + headerLength;
	if (start > bytes.length || headerLength > MAX_HEADER_BYTES) {
		refuse('its header is cut off');
	}
	const header = Buffer.from(bytes.subarray(PREAMBLE_BYTES + lengthBytes, start)).toString('latin1');
	const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
	const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
		.split(',')
		.filter((s) => s.trim() !== '')
		.map(Number);
	if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || shape.length > 8) {
		refuse(`its shape is [${shape.join(', ').slice(0, 80)}]`);
	}
	if (!isReadable(type)) {
		return refuse(`its element type is ${type ?? 'unknown'}`);
	}
	if (/'fortran_order':\s*True/.test(header)) {
		refuse('it is column-major');
	}
	const array = bytes.subarray(start);
	if (array.length % elementBytes[type] !== 0) {
		refuse('it is cut off');
	}
	// Typed arrays must start at a multiple of their element size.
	const data = readers[type](array.byteOffset % 8 === 0 ? array : new Uint8Array(array));
	if (data.length !== shape.reduce((product, size) => product * size, 1)) {
		refuse(`it holds ${data.length} values but its shape is [${shape.join(', ')}]`);
	}
	return { shape, data };
};

/**
 * Writes an array as `.npy` (format 1.0).
 *
 * @param data float32, or the bit patterns of float16
 */
export const formatNpy = (data: Float32Array | Uint16Array, shape: readonly number[]): Uint8Array => {
	const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
	const type = data instanceof Float32Array ? '<f4' : '<f2';
	const dictionary = `{'descr': '${type}', 'fortran_order': False, 'shape': (${tuple}), }`;
	// The array starts at a multiple of 64 bytes, so that it can be mapped into memory.
	const unpadded = PREAMBLE_BYTES + 2 + dictionary.length + 1;
	const header = `${dictionary.padEnd(dictionary.length + (-unpadded & 63))}\n`;
	const preamble = Buffer.alloc(PREAMBLE_BYTES + 2);
	preamble.write(MAGIC, 'latin1');
	preamble.writeUInt8(1, 6);
	preamble.writeUInt16LE(header.length, PREAMBLE_BYTES);
	return Buffer.concat([
		preamble,
		Buffer.from(header, 'latin1'),
		new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
	]);
};
