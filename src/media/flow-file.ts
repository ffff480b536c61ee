import { extname } from 'node:path';
import { inflateSync } from 'node:zlib';
import { type DecodedPng, decode, encode } from 'fast-png';
import { type BackwardFlow, emptyFlow } from '../core/backward-flow.js';
import { UserError } from '../core/errors.js';
import type { Size } from '../core/size.js';
import { MOST_PIXELS, pngChunks, pngSignature } from './image-file.js';

/** "PIEH" read as a little-endian float: the mark of Middlebury `.flo` files. */
const FLO_TAG = 202021.25;
const FLO_HEADER_BYTES = 12;
/** Middlebury: components beyond 1e9 mean that the flow is unknown. */
const UNKNOWN = 1e10;
const UNKNOWN_FROM = 1e9;
/** KITTI: 16-bit values are flow * 64 + 32768. */
const PNG_SCALE = 64;
const PNG_ZERO = 32768;

/**
 * A flow as a file: displacements from each target pixel to its source pixel, in pixels.
 * `.flo` as Middlebury has it (float32, unknown = 1e10), `.png` as KITTI has it (16 bits, 1/64 pixel, blue = valid).
 *
 * @throws UserError for another extension, and for a PNG when a displacement is beyond ±511 pixels
 */
export const formatFlow = (flow: BackwardFlow, path: string): Uint8Array => {
	switch (extname(path).toLowerCase()) {
		case '.flo':
			return formatFlo(flow);
		case '.png':
			return formatFlowPng(flow);
		default:
			throw notAFlowName(path);
	}
};

/**
 * Checks an output's name before the work that leads to it.
 *
 * @throws UserError when {@link formatFlow} would not know the format
 */
export const requireFlowName = (path: string | undefined): void => {
	if (path !== undefined && !['.flo', '.png'].includes(extname(path).toLowerCase())) {
		throw notAFlowName(path);
	}
};

const notAFlowName = (path: string): UserError =>
	new UserError(`"${path}" is not a name for a flow; end it in .flo or .png.`);

/** Displacement of pixel `i` along x (0) or y (1); NaN where nothing was matched. */
const displacement = ({ positions, width }: BackwardFlow, i: number, axis: 0 | 1): number =>
	positions[i * 2 + axis]! - (axis === 0 ? i % width : Math.floor(i / width));

const formatFlo = (flow: BackwardFlow): Uint8Array => {
	const pixels = flow.width * flow.height;
	const bytes = new Uint8Array(FLO_HEADER_BYTES + pixels * 8);
	const view = new DataView(bytes.buffer);
	view.setFloat32(0, FLO_TAG, true);
	view.setInt32(4, flow.width, true);
	view.setInt32(8, flow.height, true);
	for (let i = 0; i < pixels * 2; i++) {
		const value = displacement(flow, i >> 1, (i & 1) as 0 | 1);
		view.setFloat32(FLO_HEADER_BYTES + i * 4, Number.isNaN(value) ? UNKNOWN : value, true);
	}
	return bytes;
};

const formatFlowPng = (flow: BackwardFlow): Uint8Array => {
	const pixels = flow.width * flow.height;
	const data = new Uint16Array(pixels * 3);
	for (let i = 0; i < pixels; i++) {
		const values = [displacement(flow, i, 0), displacement(flow, i, 1)].map((value) =>
			Math.round(value * PNG_SCALE + PNG_ZERO),
		) as [number, number];
		if (values.some((value) => value < 0 || value > 65535)) {
			throw new UserError(
				'The flow has displacements beyond 511 pixels, which a 16-bit PNG cannot hold; write a .flo file instead.',
			);
		}
		if (!Number.isNaN(values[0])) {
			data.set([...values, 1], i * 3);
		}
	}
	return encode({ width: flow.width, height: flow.height, data, channels: 3, depth: 16 });
};

/**
 * Reads a flow file; see {@link formatFlow}.
 *
 * @throws UserError when it is neither
 */
export const parseFlow = (bytes: Uint8Array, path: string): BackwardFlow => {
	switch (extname(path).toLowerCase()) {
		case '.flo':
			return parseFlo(bytes, path);
		case '.png':
			return parseFlowPng(bytes, path);
		default:
			throw new UserError(`"${path}" is not a flow; expected a .flo or a 16-bit .png file.`);
	}
};

const parseFlo = (bytes: Uint8Array, path: string): BackwardFlow => {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const isFlo = bytes.length >= FLO_HEADER_BYTES && view.getFloat32(0, true) === FLO_TAG;
	const size = isFlo
		? { width: view.getInt32(4, true), height: view.getInt32(8, true) }
		: { width: 0, height: 0 };
	const isSized = size.width > 0 && size.height > 0 && size.width * size.height <= MOST_PIXELS;
	if (!isFlo || !isSized || bytes.length < FLO_HEADER_BYTES + size.width * size.height * 8) {
		throw new UserError(`"${path}" is not a complete .flo file; expected Middlebury's format.`);
	}
	return flowFrom(size, (i) => {
		const u = view.getFloat32(FLO_HEADER_BYTES + i * 8, true);
		const v = view.getFloat32(FLO_HEADER_BYTES + i * 8 + 4, true);
		return Math.abs(u) < UNKNOWN_FROM && Math.abs(v) < UNKNOWN_FROM ? [u, v] : undefined;
	});
};

const parseFlowPng = (bytes: Uint8Array, path: string): BackwardFlow => {
	const { data, width, height, channels, depth } = decodeFlowPng(bytes, path);
	if (depth !== 16 || channels !== 3) {
		throw new UserError(`"${path}" is not a flow; expected a PNG of three 16-bit channels, as KITTI has it.`);
	}
	return flowFrom({ width, height }, (i) =>
		data[i * 3 + 2] === 0
			? undefined
			: [(data[i * 3]! - PNG_ZERO) / PNG_SCALE, (data[i * 3 + 1]! - PNG_ZERO) / PNG_SCALE],
	);
};

/** Six bytes a pixel are unpacked, and twenty follow from them. */
const MOST_FLOW_PIXELS = 2 ** 25;

/** What is not PNG, or claims to be larger than any flow, is refused before anything is unpacked. */
const decodeFlowPng = (bytes: Uint8Array, path: string): DecodedPng => {
	const notAFlow = new UserError(
		`"${path}" is not a flow; expected a PNG of three 16-bit channels, as KITTI has it.`,
	);
	const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const isPng = view.length > 33 && view.subarray(0, 8).equals(pngSignature);
	const pixels = isPng ? view.readUInt32BE(16) * view.readUInt32BE(20) : 0;
	if (pixels === 0 || pixels > MOST_FLOW_PIXELS || view[24] !== 16 || view[25] !== 2) {
		throw notAFlow;
	}
	try {
		const chunks = pngChunks(view);
		const packed = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
		const inflated = inflateSync(Buffer.concat(packed), {
			maxOutputLength: pixels * 6 + 2 * view.readUInt32BE(20) + 4096,
		});
		if (inflated.length < pixels * 6) {
			throw new RangeError('It holds less than its size.');
		}
		const needed = chunks.filter(({ type }) => ['IHDR', 'IDAT', 'IEND'].includes(type));
		return decode(Buffer.concat([pngSignature, ...needed.map(({ whole }) => whole)]));
	} catch (cause) {
		throw new UserError(`"${path}" is a damaged PNG; save it again.`, { cause });
	}
};

const flowFrom = (
	size: Size,
	displacementAt: (pixel: number) => [number, number] | undefined,
): BackwardFlow => {
	const flow = emptyFlow(size);
	for (let i = 0; i < size.width * size.height; i++) {
		const found = displacementAt(i);
		if (found !== undefined) {
			flow.positions[i * 2] = (i % size.width) + found[0];
			flow.positions[i * 2 + 1] = Math.floor(i / size.width) + found[1];
			flow.confidence[i] = 1;
		}
	}
	return flow;
};
