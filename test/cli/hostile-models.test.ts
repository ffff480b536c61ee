import { existsSync } from 'node:fs';
import {
	copyFile,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rm,
	symlink,
	truncate,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/onnx/read-model.js';
import { encodeModel } from '../../src/onnx/write-model.js';
import { runCli as propagate } from '../helpers/cli.js';
import {
	dict,
	global,
	integer,
	list,
	long,
	pickle,
	REDUCE,
	tensor,
	text,
	tuple,
} from '../helpers/pickle-writer.js';
import { storedZip } from '../helpers/stored-zip.js';
import { safetensors, tinyAggregation, tinyWidths, writeTinyExport } from '../helpers/tiny-export.js';

let home: string;
let aggregation: string;
beforeAll(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-hostile-'));
	aggregation = join(home, 'aggregation.safetensors');
	await writeFile(aggregation, tinyAggregation(tinyWidths, { steps: 1, saved: [0] }));
});
afterAll(() => rm(home, { recursive: true }));

let exports = 0;
/** A sound export of its own for each test, its UNet's weights in `model.onnx_data`. */
const newExport = async (): Promise<string> => {
	const folder = await writeTinyExport(join(home, `export-${exports++}`));
	await placeWeights(folder, 'model.onnx_data');
	return folder;
};
/** Rewrites the UNet so that it names `location` as its external data; the data is the original file. */
const placeWeights = async (folder: string, location: string): Promise<void> => {
	const unet = join(folder, 'unet', 'model.onnx');
	const data = join(folder, 'unet', 'model.onnx_data');
	if (!existsSync(data)) {
		await copyFile(unet, data);
	}
	await copyFile(data, unet);
	await writeFile(
		unet,
		encodeModel(readModel(unet), () => location),
	);
};
const importing = (folder: string, ...more: string[]) =>
	propagate(['models', 'import', folder, '--name', 'victim', '--aggregation', aggregation, ...more], {
		env: { PROPAGATE_HOME: join(home, 'home') },
	});
/** Exit code 2, one sentence for the person at the keyboard, and nothing left behind. */
const expectRefusal = async (run: ReturnType<typeof importing>, reason: RegExp): Promise<void> => {
	const { code, stdout, stderr } = await run;
	const said = stderr.split('\n').filter((line) => line.startsWith('propagate: '));
	expect(said, stderr).toHaveLength(1);
	expect(said[0]).toMatch(reason);
	expect(stderr).not.toMatch(/\n\s+at /);
	expect(code).toBe(2);
	expect(stdout).toBe('');
	expect(await readdir(join(home, 'home', 'models')).catch(() => [])).toEqual([]);
};

describe('importing what may be hostile', () => {
	it('takes the sound export that the others are made from', async () => {
		const { code, stderr } = await importing(await newExport());
		expect(stderr).toContain('imported "victim"');
		expect(code).toBe(0);
		await rm(join(home, 'home'), { recursive: true });
	});

	it.each(['../../outside.bin', '/etc/passwd', 'sub/../../../outside.bin', ''])(
		'refuses external data at "%s"',
		async (location) => {
			const folder = await newExport();
			await writeFile(join(home, 'outside.bin'), await readFile(join(folder, 'unet', 'model.onnx_data')));
			await placeWeights(folder, location);
			await expectRefusal(importing(folder), /outside its folder/);
		},
	);

	it('refuses external data that is a link out of the folder, in the file or on the way', async () => {
		const folder = await newExport();
		const data = join(folder, 'unet', 'model.onnx_data');
		await writeFile(join(home, 'outside.bin'), await readFile(data));
		await rm(data);
		await symlink(join(home, 'outside.bin'), data);
		await expectRefusal(importing(folder), /link out of the model's folder/);

		const other = await newExport();
		await mkdir(join(home, 'elsewhere'));
		await copyFile(join(other, 'unet', 'model.onnx_data'), join(home, 'elsewhere', 'data'));
		await symlink(join(home, 'elsewhere'), join(other, 'unet', 'sub'));
		await placeWeights(other, 'sub/data');
		await expectRefusal(importing(other), /link out of the model's folder/);
	});

	it('takes the links of a hub cache, where graph and weights are links into one folder', async () => {
		const folder = await newExport();
		const blobs = join(folder, 'blobs');
		await mkdir(blobs);
		for (const [i, name] of ['model.onnx', 'model.onnx_data'].entries()) {
			await copyFile(join(folder, 'unet', name), join(blobs, `${i}`));
			await rm(join(folder, 'unet', name));
			await symlink(`../blobs/${i}`, join(folder, 'unet', name));
		}
		expect((await importing(folder)).code).toBe(0);
		await rm(join(home, 'home'), { recursive: true });
	});

	it('refuses files that are cut off, missing, or something else', async () => {
		const cutData = await newExport();
		await truncate(join(cutData, 'unet', 'model.onnx_data'), 1000);
		await expectRefusal(importing(cutData), /needs \d+ bytes but .*model\.onnx_data gives it/);
		await rm(join(cutData, 'unet', 'model.onnx_data'));
		await expectRefusal(importing(cutData), /model\.onnx_data of ".*" is missing/);
		await mkdir(join(cutData, 'unet', 'model.onnx_data'));
		await expectRefusal(importing(cutData), /is not a file/);

		const cutGraph = await newExport();
		await truncate(join(cutGraph, 'unet', 'model.onnx'), 2000);
		await expectRefusal(importing(cutGraph), /not a valid ONNX graph/);
		await writeFile(join(cutGraph, 'unet', 'model.onnx'), '');
		await expectRefusal(importing(cutGraph), /not an ONNX model/);
		await writeFile(join(cutGraph, 'unet', 'config.json'), '{"sample_size": 1000000000}');
		await expectRefusal(importing(cutGraph), /config\.json can't be read/);

		const cutText = await newExport();
		await writeFile(join(cutText, 'tokenizer', 'vocab.json'), '{"a": ');
		await expectRefusal(importing(cutText), /tokenizer .* can't be read/);
	});

	const torchFile = async (data: Buffer): Promise<string> => {
		const path = join(home, 'hostile.pt');
		const values = new Uint8Array(Float32Array.of(1).buffer);
		const entries = [
			{ name: 'archive/data.pkl', data },
			{ name: 'archive/data/0', data: values },
		];
		await writeFile(path, storedZip(entries));
		return path;
	};

	it('runs nothing that a pickle names', async () => {
		const witness = join(home, 'witness');
		const call = pickle(global('posix', 'system'), tuple(text(`touch ${witness}`)), REDUCE);
		const folder = await newExport();
		await expectRefusal(
			importing(folder, '--aggregation', await torchFile(call)),
			/"posix\.system", which is not data/,
		);
		expect(existsSync(witness)).toBe(false);
	});

	it('allocates nothing for what checkpoints only claim, or claim many times over', async () => {
		const folder = await newExport();
		const claimed = tensor('0', tuple(long(4_000_000_000_000n)), tuple(integer(1)), 1);
		await expectRefusal(
			importing(folder, '--aggregation', await torchFile(pickle(dict({ w: claimed })))),
			/claims the shape \[4000000000000\] but has 1 values/,
		);
		await expectRefusal(
			importing(folder, '--aggregation', await torchFile(pickle(list(integer(1))))),
			/not an aggregation network/,
		);
		// A thousand tensors over the same million values would be four gigabytes.
		const sound = safetensors({ a: { shape: [1_000_000], data: new Float32Array(1_000_000) } }, {});
		const header = JSON.parse(
			Buffer.from(sound.subarray(8, 8 + Number(Buffer.from(sound).readBigUInt64LE()))).toString(),
		) as Record<string, unknown>;
		const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`a${i}`, header.a]));
		const json = Buffer.from(JSON.stringify(many));
		const length = Buffer.alloc(8);
		length.writeBigUInt64LE(BigInt(json.length));
		const overlapping = join(home, 'overlapping.safetensors');
		await writeFile(overlapping, Buffer.concat([length, json, new Uint8Array(4_000_000)]));
		await expectRefusal(importing(folder, '--aggregation', overlapping), /more than 150000000 values/);
	});

	it('says so when a model that was imported is damaged afterwards', async () => {
		expect((await importing(await newExport())).code).toBe(0);
		const graph = join(home, 'home', 'models', 'victim', 'step.onnx');
		await truncate(graph, 5000);
		const { code, stderr } = await propagate(
			['features', await anyImage(), '--model', 'victim', '-o', join(home, 'f.npy'), '--device', 'cpu'],
			{ env: { PROPAGATE_HOME: join(home, 'home') } },
		);
		expect(stderr).toMatch(
			/^propagate: The model "victim" can't be loaded from step\.onnx: .*models verify/m,
		);
		expect(code).toBe(2);
		await rm(join(home, 'home'), { recursive: true });
	});
});

const anyImage = async (): Promise<string> => {
	const path = join(home, 'image.png');
	await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(path);
	return path;
};
