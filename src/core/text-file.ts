import { readFile } from 'node:fs/promises';

/** Text of a file that another program wrote: a byte order mark says how it is coded and is no part of it. UTF-8 without. */
export const readTextFile = async (path: string): Promise<string> => textOf(await readFile(path));

export const textOf = (bytes: Buffer): string => {
	const isBigEndian = bytes[0] === 0xfe && bytes[1] === 0xff;
	if (isBigEndian || (bytes[0] === 0xff && bytes[1] === 0xfe)) {
		const units = bytes.subarray(2, bytes.length - (bytes.length % 2));
		return (isBigEndian ? Buffer.from(units).swap16() : units).toString('utf16le');
	}
	return bytes.toString('utf8').replace(/^\ufeff/, '');
};
