import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { readCheckpoint } from '../../../src/models/checkpoint/read-checkpoint.js';
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
} from '../../helpers/pickle-writer.js';
import { storedZip } from '../../helpers/stored-zip.js';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'propagate-checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
type Entries = Parameters<typeof storedZip>[0];
const readArchive = async (data: Buffer, more: Entries = []) => {
	const path = join(folder, `${files++}.pt`);
	await writeFile(path, storedZip([{ name: 'archive/data.pkl', data }, ...more]));
	return readCheckpoint(path);
};
const storage = (key: string, values: ArrayBufferView): Entries[number] => ({
	name: `archive/data/${key}`,
	data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
/** Refused, with one sentence for the person at the keyboard. */
const expectRefusal = async (reading: Promise<unknown>, reason: RegExp): Promise<void> => {
	const error: unknown = await reading.then(
		() => undefined,
		(refusal: unknown) => refusal,
	);
	expect(error).toBeInstanceOf(UserError);
	expect((error as UserError).message).toMatch(reason);
	expect((error as UserError).message).not.toContain('\n');
};

describe('a torch.save archive', () => {
	it('gives its tensors as float32, whatever they were stored as, and its config', async () => {
		const shape = tuple(integer(2), integer(2));
		const strides = tuple(integer(2), integer(1));
		const checkpoint = await readArchive(
			pickle(
				dict({
					config: dict({ num_timesteps: integer(50), save_timestep: list(integer(49), integer(0)) }),
					aggregation_network: dict({
						single: tensor('0', shape, strides, 4),
						half: tensor('1', shape, strides, 4, 'HalfStorage'),
						brain: tensor('2', shape, strides, 4, 'BFloat16Storage'),
					}),
				}),
			),
			[
				storage('0', Float32Array.of(1, -2, 3.5, 0)),
				storage('1', Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff)),
				storage('2', Uint16Array.of(0x3f80, 0xc000, 0x4060, 0x0000)),
			],
		);
		expect(checkpoint.config.get('save_timestep')).toEqual([49, 0]);
		expect(checkpoint.tensors.get('single')).toEqual({ shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 0) });
		expect(checkpoint.tensors.get('half')?.data).toEqual(Float32Array.of(1, -2, 2 ** -24, 65504));
		expect(checkpoint.tensors.get('brain')?.data).toEqual(Float32Array.of(1, -2, 3.5, 0));
	});

	it('never runs anything', async () => {
		const witness = join(folder, 'witness');
		const call = (module: string, name: string) =>
			pickle(global(module, name), tuple(text(`touch ${witness}`)), REDUCE);
		await expectRefusal(readArchive(call('os', 'system')), /"os\.system", which is not data/);
		await expectRefusal(readArchive(call('builtins', 'eval')), /"builtins\.eval"/);
		await expectRefusal(readArchive(call('torch', 'load')), /"torch\.load"/);
		await expectRefusal(readArchive(call('__proto__', 'constructor')), /"__proto__\.constructor"/);
		// Named without a newline-terminated opcode (protocol 4), and with the old INST and OBJ opcodes.
		const stackGlobal = pickle(text('os'), text('system'), Buffer.of(0x93), tuple(text('true')), REDUCE);
		await expectRefusal(readArchive(stackGlobal), /"os\.system"/);
		await expectRefusal(readArchive(pickle(Buffer.from('(ios\nsystem\n'))), /opcode 0x69/);
		expect(existsSync(witness)).toBe(false);
	});

	it('refuses to call data, and to give functions that are allowed other arguments', async () => {
		await expectRefusal(readArchive(pickle(text('os'), tuple(), REDUCE)), /calls something that is not data/);
		const rebuild = global('torch._utils', '_rebuild_tensor_v2');
		await expectRefusal(readArchive(pickle(rebuild, tuple(text('x')), REDUCE)), /not data/);
		await expectRefusal(readArchive(pickle(text('x'), dict({}), Buffer.from('b'))), /sets attributes/);
	});

	it('allocates nothing that the file does not hold', async () => {
		const huge = tensor('0', tuple(long(1_000_000_000_000n)), tuple(integer(1)), 4);
		await expectRefusal(
			readArchive(pickle(dict({ w: huge })), [storage('0', Float32Array.of(1))]),
			/"w" claims the shape \[1000000000000\] but has 1 values/,
		);
		const repeated = tensor('0', tuple(long(1_000_000_000n)), tuple(integer(0)), 1);
		await expectRefusal(
			readArchive(pickle(dict({ w: repeated })), [storage('0', Float32Array.of(1))]),
			/claims/,
		);
		const longText = Buffer.concat([Buffer.from('X'), Buffer.of(0xff, 0xff, 0xff, 0xff)]);
		await expectRefusal(readArchive(pickle(longText)), /cut off/);
		await expectRefusal(readArchive(pickle(Buffer.of(0x8b, 0xff, 0xff, 0xff, 0x7f))), /oversized number/);
	});

	it('reads storages of its own archive only', async () => {
		const outside = tensor('../../etc/passwd', tuple(integer(1)), tuple(integer(1)), 1);
		await expectRefusal(readArchive(pickle(dict({ w: outside }))), /storage that the file does not have/);
		const named = readArchive(pickle(dict({})), [{ name: '../escape', data: new Uint8Array(1) }]);
		await expectRefusal(named, /not a sound zip archive/);
	});

	it('refuses compressed, cut and foreign files', async () => {
		const compressed = { name: 'archive/data/0', data: new Uint8Array(1 << 20), deflate: true };
		await expectRefusal(readArchive(pickle(dict({})), [compressed]), /"archive\/data\/0" is compressed/);
		const path = join(folder, 'foreign.pt');
		await writeFile(path, pickle(dict({})));
		await expectRefusal(readCheckpoint(path), /not a sound zip archive/);
		await writeFile(path, storedZip([{ name: 'archive/data.pkl', data: pickle(dict({})).subarray(0, -2) }]));
		await expectRefusal(readCheckpoint(path), /./);
		await expectRefusal(readCheckpoint(join(folder, 'absent.pt')), /There is no aggregation file/);
	});
});
