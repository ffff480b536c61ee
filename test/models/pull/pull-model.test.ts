import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AbortedError, UserError } from '../../../src/core/errors.js';
import { openHub } from '../../../src/models/pull/hub.js';
import { pullModel } from '../../../src/models/pull/pull-model.js';
import { loadSource, sourceNames } from '../../../src/models/pull/source.js';
import { openRuntime } from '../../../src/runtime/onnx-runtime.js';
import { runCli as propagate } from '../../helpers/cli.js';
import { COMMIT, type HubFile, type HubServer, startHub } from '../../helpers/hub-server.js';
import { tinyAggregation, tinyWidths, writeTinyExport } from '../../helpers/tiny-export.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

let home: string;
let exported: Record<string, HubFile>;
let weights: Record<string, HubFile>;
let server: HubServer;
beforeAll(async () => {
	const folder = await mkdtemp(join(tmpdir(), 'propagate-hub-'));
	await writeTinyExport(folder);
	exported = {};
	for (const entry of await readdir(folder, { recursive: true })) {
		const path = join(folder, entry);
		if ((await stat(path)).isFile()) {
			exported[entry] = { content: await readFile(path), lfs: entry.endsWith('.onnx') };
		}
	}
	// What a repository has besides: not to be downloaded.
	exported['README.md'] = { content: Buffer.from('# hello') };
	exported['unet/diffusion_pytorch_model.safetensors'] = { content: Buffer.alloc(100_000), lfs: true };
	exported['safety_checker/model.onnx'] = { content: Buffer.alloc(100_000), lfs: true };
	const aggregation = tinyAggregation(tinyWidths, { steps: 1, saved: [0] });
	weights = { 'weights/aggregation_network.pt': { content: aggregation, lfs: true } };
	await rm(folder, { recursive: true });
});
beforeEach(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-pull-'));
});
afterEach(async () => {
	await server.close();
	await rm(home, { recursive: true });
});

const serve = async (
	exportFiles: Record<string, HubFile> = exported,
	aggregation: Record<string, HubFile> = weights,
): Promise<void> => {
	const source = await loadSource('sd15');
	server = await startHub({
		[source.export.repository]: exportFiles,
		[source.aggregation?.repository ?? '']: aggregation,
	});
};
const messages: string[] = [];
const pull = (more: object = {}, signal?: AbortSignal) => {
	messages.length = 0;
	return pullModel('sd15', {
		hub: openHub(signal, { HF_ENDPOINT: `${server.url}/` }),
		runtime,
		modelsFolder: join(home, 'models'),
		downloadsFolder: join(home, 'downloads'),
		onMessage: (message) => messages.push(message),
		...more,
	});
};
const downloads = async (): Promise<string[]> =>
	(await readdir(join(home, 'downloads'), { recursive: true, withFileTypes: true }))
		.filter((entry) => entry.isFile())
		.map((entry) => entry.name);
const expectRefusal = async (pulling: Promise<unknown>, reason: RegExp): Promise<void> => {
	const error: unknown = await pulling.then(
		() => undefined,
		(refusal: unknown) => refusal,
	);
	expect(error).toBeInstanceOf(UserError);
	expect((error as UserError).message).toMatch(reason);
	expect((error as UserError).message).not.toContain('\n');
	expect(existsSync(join(home, 'models', 'sd15'))).toBe(false);
};

describe('models pull', () => {
	it('downloads the export and the weights, shows the licences, imports, and takes nothing else', async () => {
		await serve();
		const progress: number[] = [];
		const { model } = await pull({ onBytes: (done: number, total: number) => progress.push(done / total) });
		expect(model.manifest).toMatchObject({ name: 'sd15', descriptor: { channels: 128 } });
		expect(model.manifest.license).toMatch(/CreativeML/);
		expect(messages.join('\n')).toMatch(/nmkd\/.* at 0123456789ab, licence creativeml-openrail-m/);
		expect(messages.join('\n')).toMatch(/you accept CreativeML Open RAIL-M: https:/);
		expect(progress.at(-1)).toBe(1);
		const files = await downloads();
		expect(files).toContain('vocab.json');
		expect(files).not.toContain('README.md');
		expect(files.filter((name) => name.endsWith('.safetensors'))).toEqual([]);
		expect(server.requests.some((request) => request.includes('safety_checker'))).toBe(false);
		expect(await readdir(join(home, 'downloads', 'nmkd--stable-diffusion-1.5-onnx-fp16'))).toEqual([COMMIT]);
	});

	it('fetches nothing twice', async () => {
		await serve();
		await pull();
		server.requests.length = 0;
		await pull({ overwrite: true });
		expect(server.requests).toEqual([]);
	});

	it('goes on where the connection broke, at once and in a later run', async () => {
		await serve();
		server.cutNextAfter(5000);
		await pull();
		const resumed = server.requests.filter((request) => !request.endsWith(' 0'));
		expect(resumed).toHaveLength(1);
		expect(Number(resumed[0]?.split(' ')[1])).toBeGreaterThanOrEqual(5000);

		await rm(join(home, 'models'), { recursive: true });
		await rm(join(home, 'downloads'), { recursive: true });
		const controller = new AbortController();
		const interrupted = pull({ onBytes: () => controller.abort() }, controller.signal);
		await expect(interrupted).rejects.toThrow(AbortedError);
		expect(existsSync(join(home, 'models', 'sd15'))).toBe(false);
		expect((await pull()).model.manifest.name).toBe('sd15');
	});

	it('throws away what does not match its checksum, large files and small ones', async () => {
		for (const name of ['unet/model.onnx', 'tokenizer/vocab.json']) {
			const file = exported[name] ?? { content: new Uint8Array() };
			const corrupted = Uint8Array.from(file.content);
			corrupted[10] = (corrupted[10] ?? 0) ^ 1;
			await serve({ ...exported, [name]: { ...file, corrupted } });
			await expectRefusal(pull(), /does not match its checksum and was thrown away/);
			expect(await downloads()).not.toContain(`${name.split('/')[1]}.partial`);
			if (name === 'unet/model.onnx') {
				await server.close();
			}
		}
	});

	it('looks at the disk before it downloads', async () => {
		const unet = exported['unet/model.onnx'] ?? { content: new Uint8Array() };
		await serve({ ...exported, 'unet/model.onnx': { ...unet, claimedBytes: 1e15 } });
		await expectRefusal(pull(), /takes 1000000\.\d GB but .* left/);
		expect(server.requests).toEqual([]);
	});

	it('refuses names that lead out of the download folder', async () => {
		await serve({ ...exported, 'unet/../../../evil.onnx': { content: Buffer.from('x') } });
		await expectRefusal(pull(), /leads out of its folder/);
	});

	it('says what is wrong with a repository or the connection', async () => {
		await serve();
		await expectRefusal(pull({ repository: 'nobody/nothing' }), /has no repository nobody\/nothing/);
		await expectRefusal(pull({ repository: 'gated/model' }), /accept its licence there and set HF_TOKEN/);
		await expectRefusal(pull({ repository: 'g-luo/diffusion-hyperfeatures' }), /has no ONNX export/);
		const hub = openHub(undefined, { HF_ENDPOINT: 'http://127.0.0.1:1' });
		await expectRefusal(pull({ hub }), /The hub http:\/\/127\.0\.0\.1:1 can't be reached .*HF_ENDPOINT/);
		await expect(pullModel('sd99', { hub, runtime })).rejects.toThrow(
			/no model "sd99" to pull; there are .*sd15/,
		);
	});

	it('works on the command line with a mirror', async () => {
		await serve();
		const { code, stderr } = await propagate(['models', 'pull', 'sd15'], {
			env: { HF_ENDPOINT: server.url, PROPAGATE_HOME: home },
		});
		expect(stderr).toMatch(/you accept CreativeML[\s\S]*imported "sd15"/);
		expect(code).toBe(0);
		const listed = await propagate(['models', 'list'], { env: { PROPAGATE_HOME: home } });
		expect(listed.stdout).toContain('sd15');
	});
});

it('every source is valid', async () => {
	server = await startHub({});
	for (const name of await sourceNames()) {
		expect((await loadSource(name)).name).toBe(name);
	}
});
