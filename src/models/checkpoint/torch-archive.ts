import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../core/errors.js';
import { openRegularFile } from '../../core/regular-file.js';
import { fromHalves } from '../../store/half-precision.js';
import { bfloatToFloat, type Checkpoint, type CheckpointTensor, ValueBudget } from './checkpoint.js';
import { type PickleValue, unpickle } from './pickle.js';
import { readZipEntries, type ZipEntry } from './zip-entries.js';

const MAX_PICKLE_BYTES = 64 << 20;

/** Element types of storages, with how their bytes become float32. */
const storageTypes = {
	'torch.FloatStorage': { bytes: 4, decode: (buffer: ArrayBuffer) => new Float32Array(buffer) },
	'torch.DoubleStorage': {
		bytes: 8,
		decode: (buffer: ArrayBuffer) => Float32Array.from(new Float64Array(buffer)),
	},
	'torch.HalfStorage': { bytes: 2, decode: (buffer: ArrayBuffer) => fromHalves(new Uint16Array(buffer)) },
	'torch.BFloat16Storage': {
		bytes: 2,
		decode: (buffer: ArrayBuffer) => bfloatToFloat(new Uint16Array(buffer)),
	},
	'torch.LongStorage': {
		bytes: 8,
		decode: (buffer: ArrayBuffer) => Float32Array.from(new BigInt64Array(buffer), Number),
	},
} as const;
type StorageName = keyof typeof storageTypes;

const isStorageName = (name: string): name is StorageName => Object.hasOwn(storageTypes, name);

class StorageType {
	constructor(readonly name: StorageName) {}
}
class Storage {
	constructor(
		readonly type: StorageName,
		readonly entry: ZipEntry,
	) {}
}
/** A tensor whose values are still in the file. */
class StoredTensor {
	constructor(
		readonly storage: Storage,
		readonly offset: number,
		readonly shape: readonly number[],
		readonly strides: readonly number[],
	) {}
}
class Callable {
	constructor(readonly name: 'dict' | 'tensor' | 'parameter') {}
}
type TorchValue = StorageType | Storage | StoredTensor | Callable;
type Value = PickleValue<TorchValue>;

const callables: Readonly<Record<string, Callable>> = {
	'collections.OrderedDict': new Callable('dict'),
	'torch._utils._rebuild_tensor_v2': new Callable('tensor'),
	'torch._utils._rebuild_parameter': new Callable('parameter'),
};

const isIntegers = (value: Value | undefined): value is number[] =>
	Array.isArray(value) && value.every((item) => Number.isSafeInteger(item));

const call = (callee: Value, args: readonly Value[]): Value | undefined => {
	if (!(callee instanceof Callable)) {
		return undefined;
	}
	const [first, offset, shape, strides] = args;
	switch (callee.name) {
		case 'dict':
			return args.length === 0 ? new Map() : undefined;
		case 'parameter':
			return first instanceof StoredTensor ? first : undefined;
		case 'tensor':
			return first instanceof Storage &&
				typeof offset === 'number' &&
				isIntegers(shape) &&
				isIntegers(strides)
				? new StoredTensor(first, offset, shape, strides)
				: undefined;
	}
};

const isContiguous = ({ shape, strides }: StoredTensor): boolean => {
	let expected = 1;
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		if (shape[axis] !== 1 && strides[axis] !== expected) {
			return false;
		}
		expected *= shape[axis] ?? 0;
	}
	return true;
};

const readBytes = async (
	file: FileHandle,
	offset: number,
	length: number,
): Promise<Uint8Array<ArrayBuffer>> => {
	const bytes = new Uint8Array(length);
	await file.read(bytes, 0, length, offset);
	return bytes;
};

const readTensor = async (
	file: FileHandle,
	name: string,
	tensor: StoredTensor,
	budget: ValueBudget,
): Promise<CheckpointTensor> => {
	const { bytes, decode } = storageTypes[tensor.storage.type];
	const available = Math.floor(tensor.storage.entry.length / bytes) - tensor.offset;
	const count = budget.take(name, tensor.shape, available);
	if (tensor.offset < 0 || !isContiguous(tensor)) {
		throw new UserError(
			`The checkpoint's tensor "${name}" is not contiguous; save it after calling contiguous().`,
		);
	}
	const start = tensor.storage.entry.offset + tensor.offset * bytes;
	return { shape: tensor.shape, data: decode((await readBytes(file, start, count * bytes)).buffer) };
};

/** Names the folder that torch.save puts everything in, from the one entry that every archive has. */
const folderOf = (entries: ReadonlyMap<string, ZipEntry>): string | undefined =>
	[...entries.keys()].find((name) => name.endsWith('data.pkl'))?.slice(0, -'data.pkl'.length);

const stateDictOf = (root: Value): Map<unknown, Value> | undefined => {
	if (!(root instanceof Map)) {
		return undefined;
	}
	const nested = root.get('aggregation_network');
	return nested instanceof Map ? nested : root;
};

/**
 * Reads a checkpoint that `torch.save` wrote, as the paper publishes its weights: a zip of a pickle and the
 * tensors' bytes. Only the aggregation network's tensors are read; optimiser state stays in the file.
 *
 * @throws UserError for anything but tensors, dicts, lists and numbers in the pickle
 */
export const readTorchArchive = async (path: string): Promise<Checkpoint> => {
	const file = await openRegularFile(path);
	try {
		const entries = await readZipEntries(path, file);
		const folder = folderOf(entries);
		const pickle = entries.get(`${folder}data.pkl`);
		if (pickle === undefined || pickle.length > MAX_PICKLE_BYTES) {
			throw new UserError(
				`${path} was refused because it has no data.pkl of a sensible size; expected a file that torch.save wrote.`,
			);
		}
		const root = unpickle<TorchValue>(await readBytes(file, pickle.offset, pickle.length), {
			global: (name) => (isStorageName(name) ? new StorageType(name) : callables[name]),
			call,
			persistent: (id) => {
				const [kind, type, key] = Array.isArray(id) ? id : [];
				const entry = entries.get(`${folder}data/${String(key)}`);
				return kind === 'storage' && type instanceof StorageType && entry !== undefined
					? new Storage(type.name, entry)
					: undefined;
			},
		});
		const tensors = new Map<string, CheckpointTensor>();
		const budget = new ValueBudget();
		for (const [name, value] of stateDictOf(root) ?? []) {
			if (typeof name === 'string' && value instanceof StoredTensor) {
				tensors.set(name, await readTensor(file, name, value, budget));
			}
		}
		const config = root instanceof Map ? root.get('config') : undefined;
		return { tensors, config: config instanceof Map ? config : new Map() };
	} finally {
		await file.close();
	}
};
