import { floatsAt, type Kernels, openKernels } from '../kernels/kernels.js';

/** Numbers that go through a kernel together. */
const NUMBERS_A_ROUND = 8;
/** Numbers that are converted in one go: a map of a million does not need room for all of them. */
const NUMBERS_A_PIECE = 8192 * NUMBERS_A_ROUND;

type Workspace = { readonly kernels: Kernels; readonly singles: Float32Array; readonly halves: Uint16Array };

let workspace: Workspace | undefined;

const opened = (): Workspace => {
	if (workspace === undefined) {
		const kernels = openKernels();
		const halves = kernels.allocate(2 * NUMBERS_A_PIECE);
		const singles = kernels.allocate(4 * NUMBERS_A_PIECE);
		workspace = {
			kernels,
			singles: floatsAt(kernels, singles, NUMBERS_A_PIECE),
			halves: new Uint16Array(kernels.memory.buffer, halves, NUMBERS_A_PIECE),
		};
	}
	return workspace;
};

const inRounds = (length: number): number => Math.ceil(length / NUMBERS_A_ROUND) * NUMBERS_A_ROUND;

type Numbers = Float32Array | Uint16Array;
type Conversion = (source: number, sourceEnd: number, target: number) => void;

/** Converts piece by piece, by way of a kernel's source and target. */
const convert = (
	kernel: Conversion,
	values: Numbers,
	source: Numbers,
	target: Numbers,
	out: Numbers,
): void => {
	for (let at = 0; at < values.length; at += NUMBERS_A_PIECE) {
		const piece = values.subarray(at, at + NUMBERS_A_PIECE);
		source.set(piece);
		const bytes = source.BYTES_PER_ELEMENT * inRounds(piece.length);
		kernel(source.byteOffset, source.byteOffset + bytes, target.byteOffset);
		out.set(target.subarray(0, piece.length), at);
	}
};

/** float32 as bit patterns of float16 (IEEE 754 binary16), rounded to nearest; what is too great becomes the greatest number, 65504. */
export const toHalves = (values: Float32Array): Uint16Array => {
	const { kernels, singles, halves } = opened();
	const out = new Uint16Array(values.length);
	convert(kernels.encodeHalves, values, singles, halves, out);
	return out;
};

/** Bit patterns of float16 as float32. @param out where to put them, as long as `bits`; new memory when left out */
export const fromHalves = (
	bits: Uint16Array,
	out: Float32Array = new Float32Array(bits.length),
): Float32Array => {
	const { kernels, singles, halves } = opened();
	convert(kernels.decodeHalves, bits, halves, singles, out);
	return out;
};
