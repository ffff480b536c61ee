import { inflateSync } from 'node:zlib';
import { UserError } from '../core/errors.js';

/** A numeric matrix of a MATLAB file, in MATLAB's column-major order: element (row, column) is `data[column * rows + row]`. */
type MatMatrix = { readonly rows: number; readonly columns: number; readonly data: Float64Array };

const HEADER_BYTES = 128;
const MI_MATRIX = 14;
const MI_COMPRESSED = 15;
/** mxDOUBLE_CLASS to mxUINT64_CLASS: the numeric arrays. */
const NUMERIC_CLASSES = { first: 6, last: 15 } as const;

/** Readers by the element's number in "MAT-File Format", table 1-1. */
const readers: Readonly<
	Record<number, { readonly bytes: number; readonly read: (v: DataView, at: number, le: boolean) => number }>
> = {
	1: { bytes: 1, read: (v, at) => v.getInt8(at) },
	2: { bytes: 1, read: (v, at) => v.getUint8(at) },
	3: { bytes: 2, read: (v, at, le) => v.getInt16(at, le) },
	4: { bytes: 2, read: (v, at, le) => v.getUint16(at, le) },
	5: { bytes: 4, read: (v, at, le) => v.getInt32(at, le) },
	6: { bytes: 4, read: (v, at, le) => v.getUint32(at, le) },
	7: { bytes: 4, read: (v, at, le) => v.getFloat32(at, le) },
	9: { bytes: 8, read: (v, at, le) => v.getFloat64(at, le) },
};

type Element = { readonly type: number; readonly data: DataView };

/**
 * The numeric matrices of a MATLAB 5 file by name: what the keypoint data sets keep their annotations in. Cells,
 * structures and text are passed over.
 *
 * @throws UserError when it is no such file
 */
export const parseMat = (bytes: Uint8Array, path: string): Map<string, MatMatrix> => {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const mark = bytes.length >= HEADER_BYTES ? view.getUint16(126, true) : 0;
	if (mark !== 0x4d49 && mark !== 0x494d) {
		throw new UserError(`"${path}" is not a MATLAB 5 file.`);
	}
	const littleEndian = mark === 0x4d49;
	const matrices = new Map<string, MatMatrix>();
	try {
		const body = new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bytes.byteLength - HEADER_BYTES);
		for (const element of elementsOf(body, littleEndian)) {
			const [matrix] =
				element.type === MI_COMPRESSED ? elementsOf(inflated(element.data), littleEndian) : [element];
			const named = matrix?.type === MI_MATRIX ? numericMatrix(matrix.data, littleEndian) : undefined;
			if (named !== undefined) {
				matrices.set(named.name, named.matrix);
			}
		}
	} catch (cause) {
		throw new UserError(`"${path}" is a damaged MATLAB file.`, { cause });
	}
	return matrices;
};

/** Annotations are a few kilobytes. */
const MAX_INFLATED = 2 ** 26;
/** Values of one matrix, 64 MB of them. */
const MAX_VALUES = 2 ** 23;

const inflated = (data: DataView): DataView => {
	const plain = inflateSync(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), {
		maxOutputLength: MAX_INFLATED,
	});
	return new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
};

const elementsOf = (view: DataView, littleEndian: boolean): Element[] => {
	const elements: Element[] = [];
	let at = 0;
	while (at + 8 <= view.byteLength) {
		const tag = view.getUint32(at, littleEndian);
		// A short element keeps its size in the upper half of the tag and its data in the tag's second word.
		const isShort = tag >>> 16 !== 0;
		const type = tag & 0xffff;
		const length = isShort ? tag >>> 16 : view.getUint32(at + 4, littleEndian);
		const start = at + (isShort ? 4 : 8);
		elements.push({ type, data: new DataView(view.buffer, view.byteOffset + start, length) });
		const padded = type === MI_COMPRESSED ? length : Math.ceil(length / 8) * 8;
		at = isShort ? at + 8 : start + padded;
	}
	return elements;
};

const numericMatrix = (
	view: DataView,
	littleEndian: boolean,
): { readonly name: string; readonly matrix: MatMatrix } | undefined => {
	const [flags, dimensions, name, real] = elementsOf(view, littleEndian);
	if (flags === undefined || dimensions === undefined || name === undefined || real === undefined) {
		return undefined;
	}
	const arrayClass = flags.data.getUint32(0, littleEndian) & 0xff;
	const reader = readers[real.type];
	if (
		arrayClass < NUMERIC_CLASSES.first ||
		arrayClass > NUMERIC_CLASSES.last ||
		reader === undefined ||
		dimensions.data.byteLength !== 8
	) {
		return undefined;
	}
	const [rows, columns] = [
		dimensions.data.getInt32(0, littleEndian),
		dimensions.data.getInt32(4, littleEndian),
	];
	const values = real.data.byteLength / reader.bytes;
	if (rows < 0 || columns < 0 || rows * columns !== values || values > MAX_VALUES) {
		throw new RangeError('The matrix is not of the size that it states.');
	}
	const data = Float64Array.from({ length: values }, (_, i) =>
		reader.read(real.data, i * reader.bytes, littleEndian),
	);
	const text = new Uint8Array(name.data.buffer, name.data.byteOffset, name.data.byteLength);
	return {
		name: Buffer.from(text).toString('latin1'),
		matrix: {
			rows,
			columns,
			data,
		},
	};
};
