import { createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import yazl from 'yazl';

const folder = fileURLToPath(new URL('.', import.meta.url));
const addon = 'propagate_addon';
const zipPath = process.argv[2] ?? join(folder, '../../dist/propagate-blender.zip');

// The same sources give the same bytes.
const mtime = new Date('2000-01-01T00:00:00');

const zip = new yazl.ZipFile();
for (const file of (await readdir(join(folder, addon))).filter((name) => name.endsWith('.py')).sort()) {
	zip.addFile(join(folder, addon, file), `${addon}/${file}`, { mtime, mode: 0o100644 });
}
zip.end();
await mkdir(dirname(zipPath), { recursive: true });
await pipeline(zip.outputStream, createWriteStream(zipPath));
process.stdout.write(`${zipPath}\n`);
