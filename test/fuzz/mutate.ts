/** A generator that gives the same numbers for the same seed: an input that fails can be made again. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = (seed ^ 0x9e3779b9) >>> 0;
	}

	/** 0..1, 1 left out. */
	next(): number {
		// mulberry32
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	below(count: number): number {
		return Math.floor(this.next() * count);
	}

	pick<Item>(items: readonly Item[]): Item {
		return items[this.below(items.length)]!;
	}
}

const numbers = [0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 65535, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** Things that numbers and words in texts are replaced by. */
const words = [
	...[
		'-1',
		'0',
		'1e9',
		'1e308',
		'-1e308',
		'1e999',
		'0.5',
		'9007199254740993',
		'NaN',
		'Infinity',
		'null',
		'true',
	],
	...[
		'""',
		'[]',
		'{}',
		'"\\u0000"',
		'"__proto__"',
		'"../../etc/passwd"',
		'"\\ud800"',
		'[[[[[[[[[[]]]]]]]]]]',
	],
];

const changes: readonly ((bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer)[] = [
	// A bit, a byte.
	(bytes, random) =>
		at(
			bytes,
			random,
			(copy, place) => copy.writeUInt8((copy[place] ?? 0) ^ (1 << random.below(8)), place),
			1,
		),
	(bytes, random) => at(bytes, random, (copy, place) => copy.writeUInt8(random.below(256), place), 1),
	// A number of two, four or eight bytes, either way round.
	(bytes, random) =>
		at(bytes, random, (copy, place) => copy.writeUInt16LE(random.pick(numbers) & 0xffff, place), 2),
	(bytes, random) =>
		at(bytes, random, (copy, place) => copy.writeUInt32LE(random.pick(numbers) >>> 0, place), 4),
	(bytes, random) =>
		at(bytes, random, (copy, place) => copy.writeUInt32BE(random.pick(numbers) >>> 0, place), 4),
	(bytes, random) =>
		at(
			bytes,
			random,
			(copy, place) =>
				copy.writeBigUInt64LE(
					BigInt.asUintN(64, BigInt(random.pick(numbers)) << BigInt(random.below(40))),
					place,
				),
			8,
		),
	// Cut off, taken out, said twice, put in from elsewhere.
	(bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
	(bytes, random) => {
		const [from, length] = [random.below(bytes.length), random.below(64)];
		return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
	},
	(bytes, random) => {
		const [from, length] = [random.below(bytes.length), 1 + random.below(256)];
		const piece = bytes.subarray(from, from + length);
		return Buffer.concat([
			bytes.subarray(0, from),
			...Array<Buffer>(1 + random.below(8)).fill(piece),
			bytes.subarray(from),
		]);
	},
	(bytes, random, others) => {
		const other = random.pick(others);
		const from = random.below(other.length);
		const place = random.below(bytes.length);
		return Buffer.concat([
			bytes.subarray(0, place),
			other.subarray(from, from + random.below(512)),
			bytes.subarray(place),
		]);
	},
	(bytes, random) => changeWord(bytes, random),
];

/** A number or a word of a text. */
const changeWord = (bytes: Buffer, random: Random): Buffer => {
	const text = bytes.toString('latin1');
	const found = [...text.matchAll(/-?\d+(?:\.\d+)?|"[^"]*"|true|false|null/g)];
	const match = found.length === 0 ? undefined : random.pick(found);
	if (match === undefined) {
		return bytes;
	}
	return Buffer.from(
		text.slice(0, match.index) + random.pick(words) + text.slice(match.index + match[0].length),
		'latin1',
	);
};

const at = (
	bytes: Buffer,
	random: Random,
	write: (copy: Buffer, place: number) => void,
	size: number,
): Buffer => {
	if (bytes.length < size) {
		return bytes;
	}
	const copy = Buffer.from(bytes);
	write(copy, random.below(bytes.length - size + 1));
	return copy;
};

/** What is made of a whole file: it is changed in one to six places. */
export const mutate = (bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer => {
	let changed = bytes;
	// What is no longer well-formed is refused at once; mostly, texts stay so.
	const keepsForm = bytes.every((byte) => byte >= 9 && byte < 127) && random.next() < 0.7;
	for (let count = 1 + random.below(6); count > 0 && changed.length > 0; count--) {
		changed = (keepsForm ? changeWord : random.pick(changes))(changed, random, others);
	}
	return changed.subarray(0, 2 ** 20);
};
