import { crc32, deflateRawSync } from 'node:zlib';

type Entry = { readonly name: string; readonly data: Uint8Array; readonly deflate?: boolean };

/** A zip archive as `torch.save` writes it: entries stored one after the other. */
export const storedZip = (entries: readonly Entry[]): Uint8Array => {
	const parts: Buffer[] = [];
	const directory: Buffer[] = [];
	let offset = 0;
	for (const { name, data, deflate } of entries) {
		const content = deflate === true ? deflateRawSync(data) : Buffer.from(data);
		const fields = Buffer.alloc(26);
		fields.writeUInt16LE(20, 0);
		fields.writeUInt16LE(deflate === true ? 8 : 0, 4);
		fields.writeUInt32LE(crc32(data), 10);
		fields.writeUInt32LE(content.length, 14);
		fields.writeUInt32LE(data.length, 18);
		fields.writeUInt16LE(Buffer.byteLength(name), 22);
		const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), content]);
		const tail = Buffer.alloc(14);
		tail.writeUInt32LE(offset, 10);
		directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), fields, tail, Buffer.from(name)]));
		parts.push(local);
		offset += local.length;
	}
	const listing = Buffer.concat(directory);
	const end = Buffer.alloc(18);
	end.writeUInt16LE(entries.length, 4);
	end.writeUInt16LE(entries.length, 6);
	end.writeUInt32LE(listing.length, 8);
	end.writeUInt32LE(offset, 12);
	return Buffer.concat([...parts, listing, Buffer.from('PK\x05\x06'), end]);
};
