import {
	assign,
	difference,
	forEach,
	loadedFrom,
	product,
	storeAt,
	sum,
	type Value,
} from '../wasm/expressions.js';
import {
	absoluteFloats,
	addFloats,
	addInts,
	advance,
	type Code,
	chooseBits,
	compileKernel,
	constant,
	divideFloats,
	get,
	greaterFloats,
	I32,
	INT_BYTES,
	isAnySet,
	leastFloats,
	loadVector,
	maxFloats,
	multiplyFloats,
	set,
	shiftLeftBits,
	splatFloat,
	splatNumber,
	storeVector,
	subtractFloats,
	truncateFloats,
	V128,
	when,
	wholeFloats,
	zeroVector,
} from '../wasm/module.js';
import { ENTRY_BYTES, QUAD_BYTES } from './quad-kernels.js';

/** A quad whose probabilities changed by less than this in an iteration has arrived, and is left alone. */
const ARRIVED = 0.0005;

/**
 * What the kernel is told of a field, int32 each: addresses, and `...Bytes` from one object's to the next one's.
 *
 * - `objects`: their number
 * - `moving`, `movingEnd`: int32, the quads that still move, from the first to behind the last
 * - `entries`: the support kernel's list of them, in that order
 * - `places`: int32 [quads], bytes from the beginning of a plane to a quad's first pixel
 * - `masks`: [quads, QUAD] all bits of a lane set for pixels of the band
 * - `sums`: float32 [quads, QUAD], sums of a pixel's weights
 * - `unary`: float32 [quads, QUAD], logarithms of an object's odds
 * - `supports`: float32 [moving, QUAD], the neighbours' support for an object; overwritten
 * - `planes`: an object's probabilities
 */
export const STEP_RECORD = [
	...['objects', 'moving', 'movingEnd', 'entries', 'places', 'masks', 'sums'],
	...['unary', 'unaryBytes', 'supports', 'supportsBytes', 'planes', 'planesBytes'],
] as const;

/**
 * One iteration of the mean field at the quads that still move: writes their pixels' new probabilities, and moves those that
 * still move, and their entries, to the front. `record` is the address of a {@link STEP_RECORD}; its `movingEnd` is updated.
 */
export type StepKernel = (record: number) => void;

/** 2^f for f from -0.5 to 0.5, to seven digits, as a polynomial: the factors of f^5, f^4, and so on. */
const [HIGHEST, ...LOWER] = [0.0013333558, 0.009618129, 0.05550411, 0.2402265, Math.LN2, 1] as const;
/** Beyond, float32 has no room for the exponent. */
const EXPONENT_LIMIT = 120;

/** @param smoothness weight of the neighbours' support */
export const compileStepKernel = (memory: WebAssembly.Memory, smoothness: number): StepKernel => {
	const record = 0;
	/** One for each entry of the record, in its order. */
	const [objects, moving, movingEnd, entries, places, masks, sums] = [1, 2, 3, 4, 5, 6, 7];
	const [unary, unaryBytes, supports, supportsBytes, planes, planesBytes] = [8, 9, 10, 11, 12, 13];
	const [from, to, entriesTo, quad, place, object, at] = [14, 15, 16, 17, 18, 19, 20];
	const [background, total, change, value, power, whole, before] = [21, 22, 23, 24, 25, 26, 27];

	const perQuad = (first: number): Code => sum(get(first), product(get(quad), QUAD_BYTES));
	const forEachObject = (...body: readonly Code[]): Code =>
		forEach(object, { from: 0, until: get(objects), step: 1 }, ...body);
	const ofObject = (first: Value, bytes: number): Code => sum(first, product(get(object), get(bytes)));
	/** Of the quad that is looked at, by its place among the moving ones. */
	const supportOfObject: Code = ofObject(
		sum(get(supports), product(difference(get(from), get(moving)), QUAD_BYTES / INT_BYTES)),
		supportsBytes,
	);

	/** e to the power of what is in `value`. */
	const exponential: Code = [
		...[...get(value), ...splatFloat(Math.LOG2E), ...multiplyFloats],
		...[
			...splatFloat(EXPONENT_LIMIT),
			...leastFloats,
			...splatFloat(-EXPONENT_LIMIT),
			...maxFloats,
			...set(power),
		],
		...[...get(power), ...wholeFloats, ...set(whole)],
		...[...get(power), ...get(whole), ...subtractFloats, ...set(power)],
		...splatFloat(HIGHEST),
		...LOWER.flatMap((factor) => [...get(power), ...multiplyFloats, ...splatFloat(factor), ...addFloats]),
		// The exponent's bits of 2^whole.
		...[...get(whole), ...truncateFloats, ...splatNumber(127), ...addInts],
		...[...constant(23), ...shiftLeftBits, ...multiplyFloats],
	];
	const takeSupportFromBackground = [
		...[...perQuad(sums), ...loadVector(), ...set(background)],
		...forEachObject([
			...[...get(background), ...supportOfObject, ...loadVector(), ...subtractFloats, ...set(background)],
		]),
	];
	const weighObjects = [
		...[...splatFloat(1), ...set(total)],
		...forEachObject(
			assign(at, supportOfObject),
			[...get(at), ...loadVector(), ...get(background), ...subtractFloats],
			[...splatFloat(smoothness), ...multiplyFloats],
			[...ofObject(perQuad(unary), unaryBytes), ...loadVector(), ...addFloats, ...set(value)],
			[...exponential, ...set(value)],
			[...get(at), ...get(value), ...storeVector()],
			[...get(total), ...get(value), ...addFloats, ...set(total)],
		),
	];
	const writeProbabilities = [
		...[...zeroVector, ...set(change)],
		...assign(place, loadedFrom(sum(get(places), product(get(quad), INT_BYTES)))),
		...forEachObject(
			assign(at, ofObject(sum(get(planes), get(place)), planesBytes)),
			[...get(at), ...loadVector(), ...set(before)],
			[...supportOfObject, ...loadVector(), ...get(total), ...divideFloats],
			[...get(before), ...perQuad(masks), ...loadVector(), ...chooseBits, ...set(value)],
			[...get(at), ...get(value), ...storeVector()],
			[...get(change), ...get(value), ...get(before), ...subtractFloats, ...absoluteFloats],
			[...maxFloats, ...set(change)],
		),
	];
	const keep = [
		...storeAt(get(to), get(quad)),
		...storeAt(get(entriesTo), loadedFrom(get(entries))),
		...storeAt(sum(get(entriesTo), INT_BYTES), loadedFrom(get(entries), INT_BYTES)),
		...advance(to, INT_BYTES),
		...advance(entriesTo, ENTRY_BYTES),
	];
	return compileKernel(
		{
			parameters: [I32],
			locals: [...Array(20).fill(I32), ...Array(7).fill(V128)],
			body: [
				...STEP_RECORD.flatMap((_, entry) => assign(1 + entry, loadedFrom(get(record), INT_BYTES * entry))),
				...assign(to, get(moving)),
				...assign(entriesTo, get(entries)),
				...forEach(
					from,
					{ from: get(moving), until: get(movingEnd), step: INT_BYTES },
					assign(quad, loadedFrom(get(from))),
					takeSupportFromBackground,
					weighObjects,
					writeProbabilities,
					[...get(change), ...splatFloat(ARRIVED), ...greaterFloats, ...isAnySet],
					when(keep),
					advance(entries, ENTRY_BYTES),
				),
				...storeAt(sum(get(record), INT_BYTES * STEP_RECORD.indexOf('movingEnd')), get(to)),
			],
		},
		memory,
	);
};
