import { groupBytes, STRIDE } from './layout';

/** Groups of keys that have been multiplied since the instance was made: its work, for benchmarks. */
export let multiplied: i32 = 0;

/**
 * The products of a group of queries with each group of keys whose address is in `list`, up to `listEnd`; `out` gets int32 [groups,
 * 4 queries, 4 keys].
 */
export function multiply(queries: usize, list: usize, listEnd: usize, out: usize): void {
	multiplied += ((listEnd - list) >> 2) as i32;
	for (; list < listEnd; list += 4) {
		// Two queries at a time: with four, the sums would not fit into the registers.
		for (let pair: usize = 0; pair < STRIDE; pair += STRIDE / 2) {
			let query = queries + pair;
			let key: usize = load<u32>(list);
			let sum00 = i32x4.splat(0);
			let sum01 = i32x4.splat(0);
			let sum02 = i32x4.splat(0);
			let sum03 = i32x4.splat(0);
			let sum10 = i32x4.splat(0);
			let sum11 = i32x4.splat(0);
			let sum12 = i32x4.splat(0);
			let sum13 = i32x4.splat(0);
			for (const end = key + groupBytes; key < end; key += STRIDE) {
				const key0 = v128.load(key);
				const key1 = v128.load(key, 16);
				const key2 = v128.load(key, 32);
				const key3 = v128.load(key, 48);
				const query0 = v128.load(query);
				sum00 = i32x4.add(sum00, i32x4.dot_i16x8_s(query0, key0));
				sum01 = i32x4.add(sum01, i32x4.dot_i16x8_s(query0, key1));
				sum02 = i32x4.add(sum02, i32x4.dot_i16x8_s(query0, key2));
				sum03 = i32x4.add(sum03, i32x4.dot_i16x8_s(query0, key3));
				const query1 = v128.load(query, 16);
				sum10 = i32x4.add(sum10, i32x4.dot_i16x8_s(query1, key0));
				sum11 = i32x4.add(sum11, i32x4.dot_i16x8_s(query1, key1));
				sum12 = i32x4.add(sum12, i32x4.dot_i16x8_s(query1, key2));
				sum13 = i32x4.add(sum13, i32x4.dot_i16x8_s(query1, key3));
				query += STRIDE;
			}
			v128.store(out, sumsOf(sum00, sum01, sum02, sum03));
			v128.store(out, sumsOf(sum10, sum11, sum12, sum13), 16);
			out += STRIDE / 2;
		}
	}
}

/** The sums of the four lanes of each of four vectors. */
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
	const ab = halfSums(a, b);
	const cd = halfSums(c, d);
	return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

function halfSums(a: v128, b: v128): v128 {
	return i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
}
