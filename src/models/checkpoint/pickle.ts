import { UserError } from '../../core/errors.js';

/** What the restricted reader can produce; `Extra` is what the caller's own constructors return. */
export type PickleValue<Extra> =
	| null
	| boolean
	| number
	| bigint
	| string
	| Uint8Array
	| Extra
	| PickleValue<Extra>[]
	| Map<unknown, PickleValue<Extra>>;

/** How names that a pickle asks for are resolved. Nothing outside these functions can be reached. */
type PickleHooks<Extra> = {
	/** What stands for the function or type `module.name`; undefined when it is not allowed. */
	global(name: string): Extra | undefined;
	/** The result of calling such a function or type; undefined when it can't be called so. */
	call(callee: PickleValue<Extra>, args: readonly PickleValue<Extra>[]): PickleValue<Extra> | undefined;
	/** A value that is stored outside the pickle; undefined when there is none of that id. */
	persistent(id: PickleValue<Extra>): Extra | undefined;
};

/** Far above any checkpoint (the paper's hold a few thousand objects), far below what hurts. */
const MAX_OBJECTS = 2_000_000;
const MAX_LONG_BYTES = 256;

const refuse = (what: string): UserError =>
	new UserError(
		`The checkpoint was refused because ${what}; expected a torch.save file with only tensors, dicts, lists and numbers.`,
	);

class Mark {}

/**
 * Reads a pickle (protocol 2 to 5) without being able to run anything: unlike Python's unpickler, which calls
 * whatever the file names, this one knows the data opcodes and asks the hooks for each name.
 *
 * @throws UserError for any other opcode or name, and for malformed or oversized pickles
 */
export const unpickle = <Extra>(bytes: Uint8Array, hooks: PickleHooks<Extra>): PickleValue<Extra> => {
	type Value = PickleValue<Extra>;
	type Item = Value | Mark;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const stack: Item[] = [];
	const memo = new Map<number, Item>();
	let position = 0;
	let objects = 0;

	const take = (count: number): Uint8Array => {
		if (!(count >= 0 && position + count <= bytes.length)) {
			throw refuse('it is cut off');
		}
		position += count;
		return bytes.subarray(position - count, position);
	};
	const uint = (size: 1 | 2 | 4 | 8): number => {
		const at = position;
		take(size);
		switch (size) {
			case 1:
				return view.getUint8(at);
			case 2:
				return view.getUint16(at, true);
			case 4:
				return view.getUint32(at, true);
			case 8:
				return Number(view.getBigUint64(at, true));
		}
	};
	const text = (count: number): string => new TextDecoder().decode(take(count));
	const line = (): string => {
		const end = bytes.indexOf(0x0a, position);
		const value = text((end === -1 ? bytes.length : end) - position);
		take(1);
		return value;
	};
	const push = (item: Item): void => {
		if (++objects > MAX_OBJECTS) {
			throw refuse(`it holds more than ${MAX_OBJECTS} objects`);
		}
		stack.push(item);
	};
	const popItem = (): Item => {
		const item = stack.pop();
		if (item === undefined) {
			throw refuse('it is malformed');
		}
		return item;
	};
	const value = (item: Item): Value => {
		if (item instanceof Mark) {
			throw refuse('it is malformed');
		}
		return item;
	};
	const pop = (): Value => value(popItem());
	const popToMark = (): Value[] => {
		const start = stack.findLastIndex((item) => item instanceof Mark);
		if (start === -1) {
			throw refuse('it is malformed');
		}
		return stack.splice(start).slice(1).map(value);
	};
	const top = (): Item => stack.at(-1) ?? new Mark();
	const append = (items: readonly Value[]): void => {
		const list = top();
		if (!Array.isArray(list)) {
			throw refuse('it is malformed');
		}
		for (const item of items) {
			list.push(item);
		}
	};
	const set = (items: readonly Value[]): void => {
		const map = top();
		if (!(map instanceof Map)) {
			throw refuse('it is malformed');
		}
		for (let i = 0; i + 1 < items.length; i += 2) {
			map.set(items[i], items[i + 1]!);
		}
	};
	const recall = (index: number): void => {
		const item = memo.get(index);
		if (item === undefined) {
			throw refuse('it is malformed');
		}
		push(item);
	};
	const remember = (index: number): void => {
		memo.set(index, top());
	};
	const long = (count: number): number | bigint => {
		if (count > MAX_LONG_BYTES) {
			throw refuse('it holds an oversized number');
		}
		const digits = take(count);
		let whole = 0n;
		for (const [i, byte] of digits.entries()) {
			whole |= BigInt(byte) << BigInt(8 * i);
		}
		const signed = BigInt.asIntN(8 * count, whole);
		const asNumber = Number(signed);
		return Number.isSafeInteger(asNumber) ? asNumber : signed;
	};
	const pushGlobal = (module: string, name: string): void => {
		const resolved = hooks.global(`${module}.${name}`);
		if (resolved === undefined) {
			throw refuse(`it names ${JSON.stringify(`${module}.${name}`)}, which is not data`);
		}
		push(resolved);
	};
	const reduce = (): void => {
		const args = pop();
		const callee = pop();
		const result = Array.isArray(args) ? hooks.call(callee, args) : undefined;
		if (result === undefined) {
			throw refuse('it calls something that is not data');
		}
		push(result);
	};

	for (;;) {
		const opcode = String.fromCharCode(uint(1));
		switch (opcode) {
			case '.':
				return pop();
			case '\x80':
				take(1);
				break;
			case '\x95': // FRAME
				take(8);
				break;
			case '(':
				push(new Mark());
				break;
			case '0':
				popItem();
				break;
			case '1':
				popToMark();
				break;
			case '2':
				push(top());
				break;
			case 'N':
				push(null);
				break;
			case '\x88':
				push(true);
				break;
			case '\x89':
				push(false);
				break;
			case 'K':
				push(uint(1));
				break;
			case 'M':
				push(uint(2));
				break;
			case 'J':
				push(uint(4) | 0);
				break;
			case '\x8a':
				push(long(uint(1)));
				break;
			case '\x8b':
				push(long(uint(4)));
				break;
			case 'G':
				push(new DataView(new Uint8Array(take(8)).buffer).getFloat64(0, false));
				break;
			case 'X':
				push(text(uint(4)));
				break;
			case '\x8c':
				push(text(uint(1)));
				break;
			case '\x8d':
				push(text(uint(8)));
				break;
			case 'U':
				push(text(uint(1)));
				break;
			case 'T':
				push(text(uint(4)));
				break;
			case 'C':
				push(take(uint(1)));
				break;
			case 'B':
				push(take(uint(4)));
				break;
			case ')':
			case ']':
				push([]);
				break;
			case '}':
				push(new Map());
				break;
			case 't':
			case 'l':
				push(popToMark());
				break;
			case 'd': {
				const items = popToMark();
				push(new Map());
				set(items);
				break;
			}
			case '\x85':
				push([pop()]);
				break;
			case '\x86': {
				const second = pop();
				push([pop(), second]);
				break;
			}
			case '\x87': {
				const third = pop();
				const second = pop();
				push([pop(), second, third]);
				break;
			}
			case 'a':
				append([pop()]);
				break;
			case 'e':
				append(popToMark());
				break;
			case 's': {
				const item = pop();
				set([pop(), item]);
				break;
			}
			case 'u':
				set(popToMark());
				break;
			case 'q':
				remember(uint(1));
				break;
			case 'r':
				remember(uint(4));
				break;
			case '\x94':
				remember(memo.size);
				break;
			case 'h':
				recall(uint(1));
				break;
			case 'j':
				recall(uint(4));
				break;
			case 'c': {
				const module = line();
				pushGlobal(module, line());
				break;
			}
			case '\x93': {
				const name = pop();
				pushGlobal(String(pop()), String(name));
				break;
			}
			case 'R':
				reduce();
				break;
			case 'b': // BUILD: attributes of a state dict (its _metadata), which no one here reads.
				pop();
				if (!(top() instanceof Map)) {
					throw refuse('it sets attributes of an object');
				}
				break;
			case 'Q': {
				const stored = hooks.persistent(pop());
				if (stored === undefined) {
					throw refuse('it refers to a storage that the file does not have');
				}
				push(stored);
				break;
			}
			default:
				throw refuse(`it uses the opcode 0x${opcode.charCodeAt(0).toString(16)}`);
		}
	}
};
