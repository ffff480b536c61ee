import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { forgetOldest } from '../../src/store/cache.js';
import { makePrivateFolder, unsealed, writeCacheFile } from '../../src/store/cache-file.js';
import { openFrameStore } from '../../src/store/frame-store.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const data = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251);

describe('a file of a cache', () => {
	test('holds what was written, or counts as absent', async () => {
		const folder = temporaryFolder();
		const path = join(folder, 'entry.bin');
		await writeCacheFile(path, data);
		const written = readFileSync(path);
		expect(unsealed(path, written)).toEqual(Buffer.from(data));
		for (let at = 0; at < written.length; at += 97) {
			const harmed = Buffer.from(written);
			harmed[at] = (harmed[at] ?? 0) ^ (1 << (at % 8));
			expect(unsealed(path, harmed)).toBeUndefined();
		}
		for (const length of [0, 1, 7, 8, 9, 2500, written.length - 1]) {
			expect(unsealed(path, written.subarray(0, length))).toBeUndefined();
		}
		expect(unsealed(path, Buffer.concat([written, Buffer.alloc(1)]))).toBeUndefined();
		expect(unsealed(path, Buffer.from(written).fill(0, Math.floor(written.length / 2)))).toBeUndefined();
		expect(unsealed(path, Buffer.alloc(written.length))).toBeUndefined();
	});

	test('is nothing under another name or in another folder', async () => {
		const folder = temporaryFolder();
		for (const name of ['one', 'two']) {
			mkdirSync(join(folder, name));
		}
		const path = join(folder, 'one', '3.bin');
		await writeCacheFile(path, data);
		for (const other of [join(folder, 'one', '4.bin'), join(folder, 'two', '3.bin')]) {
			copyFileSync(path, other);
			expect(unsealed(other, readFileSync(other))).toBeUndefined();
		}
	});

	test.skipIf(process.platform === 'win32')('is its owner’s alone', async () => {
		const folder = join(temporaryFolder(), 'cache');
		mkdirSync(folder, { mode: 0o755 });
		await makePrivateFolder(folder);
		await makePrivateFolder(join(folder, 'a', 'b'));
		await writeCacheFile(join(folder, 'a', 'b', 'c'), data);
		const modes = [folder, join(folder, 'a'), join(folder, 'a', 'b'), join(folder, 'a', 'b', 'c')].map(
			(path) => statSync(path).mode & 0o777,
		);
		expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
	});
});

describe('results on disk', () => {
	type Result = { ids: Uint8Array; values: Float32Array };
	const result: Result = { ids: new Uint8Array(3000).fill(2), values: Float32Array.of(1, 2.5) };

	test('come back as they were; what was harmed or swapped does not', async () => {
		const folder = join(temporaryFolder(), 'pass');
		const store = openFrameStore<Result>(folder);
		await Promise.all([store.put(1, result), store.put(2, { ...result, values: Float32Array.of(3) })]);
		expect(await store.get(1)).toEqual(result);
		copyFileSync(join(folder, '2.bin'), join(folder, '1.bin'));
		expect(await store.get(1)).toBeUndefined();
		const bytes = readFileSync(join(folder, '2.bin'));
		bytes.fill(0, Math.floor(bytes.length / 2));
		writeFileSync(join(folder, '2.bin'), bytes);
		expect(await store.get(2)).toBeUndefined();
	});

	test('go to the spare place where the first can’t be written', async () => {
		const place = temporaryFolder();
		writeFileSync(join(place, 'file'), '');
		const spare = join(place, 'spare');
		const store = openFrameStore<Result>(join(place, 'file', 'pass'), spare);
		await store.put(1, result);
		await store.put(2, result);
		expect(await store.get(2)).toEqual(result);
		expect(readdirSync(spare).sort()).toEqual(['1.bin', '2.bin']);
		await expect(openFrameStore<Result>(join(place, 'file', 'pass')).put(1, result)).rejects.toThrow(
			/a part of its path is a file/,
		);
	});
});

test('what killed processes left in a cache is removed', async () => {
	const folder = temporaryFolder();
	mkdirSync(join(folder, 'model'));
	const path = join(folder, 'model', 'a.npy');
	await writeCacheFile(path, data);
	const machine = /^\.x\.\d+-[^-]*-(.*)-[^-]*$/.exec(
		(await import('../../src/core/temporary-names.js')).temporaryPath('x').replace(/^.*\//, ''),
	)?.[1];
	writeFileSync(join(folder, 'model', `.a.npy.999999999-x-${machine}-00000000.partial`), 'left');
	await forgetOldest(folder, 1e9);
	expect(readdirSync(join(folder, 'model'))).toEqual(['a.npy']);
});
