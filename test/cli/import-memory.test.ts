import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFrom } from '../../src/onnx/edit.js';
import { readModel } from '../../src/onnx/read-model.js';
import { encodeModel } from '../../src/onnx/write-model.js';
import { tinyAggregation, tinyWidths, writeTinyExport } from '../helpers/tiny-export.js';

const LIMIT_MEGABYTES = 500;
/** Beyond what 32 bits and one protobuf message can hold; a sparse file, so it takes no room. */
const TABLE_ROWS = 540;
const TABLE_ROW_VALUES = 1 << 20;

describe.skipIf(!existsSync('/proc/self/status'))('importing gigabytes of weights (needs /proc)', () => {
	let home: string;
	beforeAll(async () => {
		home = await mkdtemp(join(tmpdir(), 'propagate-memory-'));
	});
	afterAll(() => rm(home, { recursive: true }));

	/** A tiny export whose UNet also looks something up in a table of 2.3 GB. */
	const writeLargeExport = async (): Promise<string> => {
		const folder = await writeTinyExport(join(home, 'export'));
		const unet = join(folder, 'unet', 'model.onnx');
		const model = readModel(unet);
		const data = join(folder, 'unet', 'model.onnx_data');
		const original = readFileSync(unet);
		const length = TABLE_ROWS * TABLE_ROW_VALUES * 4;
		const file = await open(data, 'w');
		await file.write(original);
		await file.truncate(original.length + length);
		await file.close();
		const [last, ...rest] = model.nodes.toReversed();
		const large = {
			...model,
			nodes: [
				...rest.toReversed(),
				nodeFrom({ opType: 'ReduceMax', inputs: ['table'], outputs: ['table_value'] }),
				nodeFrom({ opType: 'Add', inputs: [last?.inputs[0] ?? '', 'table_value'], outputs: ['out_sample'] }),
			],
			weights: [
				...model.weights,
				{
					name: 'table',
					typeCode: 1,
					dims: [TABLE_ROWS, TABLE_ROW_VALUES],
					data: { kind: 'file', path: data, offset: original.length, length } as const,
				},
			],
		};
		await writeFile(
			unet,
			encodeModel(large, () => 'model.onnx_data'),
		);
		return folder;
	};

	it(`takes less than ${LIMIT_MEGABYTES} MB of memory, and no disk`, { timeout: 900_000 }, async () => {
		const folder = await writeLargeExport();
		const aggregation = join(home, 'aggregation.safetensors');
		await writeFile(aggregation, tinyAggregation(tinyWidths, { steps: 2, saved: [1] }));
		const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
		const args = ['models', 'import', folder, '--aggregation', aggregation, '--name', 'large'];
		const child = spawn(process.execPath, [program, ...args], {
			env: { ...process.env, PROPAGATE_HOME: join(home, 'home') },
		});
		let peak = 0;
		const watch = setInterval(() => {
			const path = `/proc/${child.pid}/status`;
			const status = existsSync(path) ? readFileSync(path, 'utf8') : '';
			peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
		}, 50);
		const code = await new Promise((resolve) => child.on('close', resolve));
		clearInterval(watch);
		expect(code).toBe(0);
		expect(peak).toBeGreaterThan(30);
		expect(peak).toBeLessThan(LIMIT_MEGABYTES);
		const imported = readModel(join(home, 'home', 'models', 'large', 'step.onnx'));
		expect(imported.weights.some(({ name }) => name === 'table')).toBe(true);
	});
});
