import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writePicture } from '../../src/studio/picture-store.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const picture = { width: 8, height: 4, channels: 3, data: new Uint8Array(96).fill(90) } as const;

test('a picture for the screen is written through no link, and leaves nothing beside it', async () => {
	const folder = temporaryFolder();
	const [path, other] = [join(folder, '000000.jpg'), join(folder, 'other')];
	writeFileSync(other, 'somebody else’s');
	symlinkSync('other', `${path}.partial`);
	symlinkSync('other', path);
	await writePicture(path, picture);
	expect(readFileSync(other, 'utf8')).toBe('somebody else’s');
	expect(readFileSync(path).readUInt16BE(0)).toBe(0xffd8);
	expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a picture that gets no place leaves nothing', async () => {
	const folder = temporaryFolder();
	await expect(writePicture(join(folder, 'gone', '000000.jpg'), picture)).rejects.toThrow();
	expect(existsSync(join(folder, 'gone'))).toBe(false);
});
