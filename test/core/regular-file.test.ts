import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readGivenFile } from '../../src/core/given-file.js';
import { readOwnFile } from '../../src/core/regular-file.js';
import { readJobList } from '../../src/jobs/job-list.js';
import { openClip } from '../../src/media/clip.js';
import { readImage } from '../../src/media/image.js';
import { readCheckpoint } from '../../src/models/checkpoint/read-checkpoint.js';
import { FileSource } from '../../src/onnx/file-source.js';
import { isIntact } from '../../src/output/frame-folder.js';
import { readMap } from '../../src/store/descriptor-store.js';
import { openFrameStore } from '../../src/store/frame-store.js';
import { readProjectFile } from '../../src/studio/project.js';
import { makeBoxFrames } from '../helpers/box-clip.js';
import { startCli } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** A named pipe into which nobody writes: opening it as usual waits for ever. */
const pipeAt = (path: string): string => {
	mkdirSync(dirname(path), { recursive: true });
	execFileSync('mkfifo', [path]);
	return path;
};

describe.skipIf(process.platform === 'win32')('a pipe in the place of a file', () => {
	test('is no file of a cache, of a run or of a project', async () => {
		const folder = temporaryFolder();
		const record = { bytes: 1, checksum: '' };
		expect(await openFrameStore(dirname(pipeAt(join(folder, 'pass', '3.bin')))).get(3)).toBeUndefined();
		expect(await readMap(pipeAt(join(folder, 'map.npy')))).toBeUndefined();
		expect(await isIntact(pipeAt(join(folder, '00000.png')), record)).toBe(false);
		await expect(readProjectFile(dirname(pipeAt(join(folder, 'p', 'project.json'))))).rejects.toThrow(
			/is not a project/,
		);
		await expect(readOwnFile(pipeAt(join(folder, 'own')))).rejects.toThrow(
			/is a pipe or a device, not a file/,
		);
		await expect(readOwnFile(folder)).rejects.toThrow(/is a folder/);
	});

	test('is neither a picture, a frame, a list, a graph nor weights', async () => {
		const folder = temporaryFolder();
		const at = (name: string): string => pipeAt(join(folder, name));
		const said = /is a pipe or a device, not a file; give an? (image )?file/;
		await expect(readImage(at('picture.png'))).rejects.toThrow(said);
		await expect(readCheckpoint(at('weights.pt'))).rejects.toThrow();
		expect(() => new FileSource(at('graph.onnx'))).toThrow(said);
		for (const list of [at('list.csv'), at('list.jsonl')]) {
			await expect(readJobList(list).next()).rejects.toThrow(said);
		}
		const { clip } = await makeBoxFrames(folder, 3);
		pipeAt(join(clip, '00003.png'));
		const lastFrame = async (): Promise<void> => {
			for await (const _ of (await openClip(clip)).frames()) {
				// Until one can't be read.
			}
		};
		await expect(lastFrame()).rejects.toThrow(said);
	});

	test('is read to its end where it may be one, also when the writer takes its time', async () => {
		const path = pipeAt(join(temporaryFolder(), 'pipe'));
		const writer = spawn('sh', ['-c', '(sleep 0.2; printf [[1,; sleep 0.2; printf 2]]) > "$1"', 'sh', path]);
		expect((await readGivenFile(path)).toString()).toBe('[[1,2]]');
		writer.kill();
	});

	test.runIf(process.platform === 'linux')(
		'ends with Ctrl-C where nobody ever writes',
		async () => {
			const folder = temporaryFolder();
			const { clip } = await makeBoxFrames(folder, 3);
			const mask = pipeAt(join(folder, 'pipe.png'));
			const run = startCli([clip, '--mask', mask, '-o', join(folder, 'masks')]);
			const opened = `/proc/${run.process.pid}/fd`;
			const isWaiting = (): boolean =>
				readdirSync(opened).some((file) => {
					try {
						return readlinkSync(join(opened, file)) === mask;
					} catch {
						return false;
					}
				});
			while (!isWaiting()) {
				await setTimeout(50);
			}
			run.process.kill('SIGINT');
			expect((await run.done).code).toBe(130);
		},
		60_000,
	);
});

test('a file of the program’s own comes whole', async () => {
	const path = join(temporaryFolder(), 'own');
	writeFileSync(path, 'all of it');
	expect((await readOwnFile(path)).toString()).toBe('all of it');
});
