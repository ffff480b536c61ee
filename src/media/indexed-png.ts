import { promisify } from 'node:util';
import { constants, deflate, type ZlibOptions } from 'node:zlib';
import { writeFileAtomically } from '../core/atomic-file.js';
import { crc32 } from '../core/crc32.js';
import { discard } from '../core/discard.js';
import { type LabelMap, objectIds } from '../core/frame.js';
import { paletteUpTo } from './davis-palette.js';

const deflateInThreadPool = promisify<Uint8Array, ZlibOptions, Buffer>(deflate);

/** For maps of object ids, which are long runs of equal bytes: looking for nothing else takes a quarter of the time of level 4, and gives smaller files. */
export const idCompression: ZlibOptions = { level: 1, strategy: constants.Z_RLE };

/**
 * An indexed PNG of 8 bits a pixel whose indices are the object ids and whose palette is the map's, to the byte.
 * Equal maps give equal files. (sharp would choose a palette of its own, so that ids are lost.)
 */
export const encodeIndexedPng = async (map: LabelMap): Promise<Buffer> => {
	const { width, height, ids } = map;
	const header = Buffer.alloc(13);
	header.writeUInt32BE(width, 0);
	header.writeUInt32BE(height, 4);
	// Bit depth 8, colour type 3 (indexed), deflate, adaptive filters, not interlaced.
	header.set([8, 3, 0, 0, 0], 8);

	// Each row is preceded by its filter type; 0 (none) suits indices.
	const rows = new Uint8Array(height * (width + 1));
	for (let y = 0; y < height; y++) {
		rows.set(ids.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
	}
	const highestId = objectIds(map).at(-1) ?? 0;
	const deflated = await deflateInThreadPool(rows, idCompression);
	discard([rows]);
	return Buffer.concat([
		Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
		chunk('IHDR', header),
		chunk('PLTE', paletteUpTo(map.palette, highestId)),
		chunk('IDAT', deflated),
		chunk('IEND', new Uint8Array(0)),
	]);
};

/** Writes {@link encodeIndexedPng} to a file, which appears when it is complete. */
export const writeIndexedPng = async (path: string, map: LabelMap): Promise<void> =>
	writeFileAtomically(path, await encodeIndexedPng(map));

const chunk = (type: string, data: Uint8Array): Buffer => {
	const bytes = Buffer.alloc(data.length + 12);
	bytes.writeUInt32BE(data.length, 0);
	bytes.write(type, 4, 'latin1');
	bytes.set(data, 8);
	bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
	return bytes;
};
