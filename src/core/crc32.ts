import * as zlib from 'node:zlib';

/**
 * CRC-32 of the PNG specification (annex D).
 *
 * @param value of what comes before, to go on from
 */
export const crc32 = (bytes: Uint8Array, value = 0): number =>
	// Node's own is younger than the oldest Node we support.
	typeof zlib.crc32 === 'function' ? zlib.crc32(bytes, value) : plainCrc32(bytes, value);

const plainCrc32 = (bytes: Uint8Array, value: number): number => {
	let crc = ~value;
	for (const byte of bytes) {
		crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
	}
	return ~crc >>> 0;
};

const table = Uint32Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let bit = 0; bit < 8; bit++) {
		c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	}
	return c;
});
