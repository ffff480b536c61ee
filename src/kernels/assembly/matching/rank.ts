import { GROUP, NOTHING, STRIDE } from './layout';

/**
 * Picks the `size` keys with the greatest products of one query, to be looked at more closely: `group * 4 + key`, best first. The
 * last bits of a product, as many as it takes to number the keys, are not looked at (the last 9 of 28 for 512 keys); of equals the
 * first one comes first.
 *
 * @param products int32 [groups, 4 queries, 4 keys] up to `productsEnd`, from the query's own first key on
 * @param picked gets the keys; has room for whole vectors
 * @returns how many were picked: fewer than `size` where there are fewer
 */
export function rank(products: usize, productsEnd: usize, picked: usize, size: i32): i32 {
	const keys = ((productsEnd - products) >> 4) as i32;
	// As many ones as it takes to number the keys. Number and product share an integer, so that one comparison moves both; the first
	// key has the greatest number, so that it wins against its equals.
	const numberBits = -1 >>> clz(keys - 1);
	const productBits = i32x4.splat(~numberBits);
	let number = numberBits;
	const last = picked + 16 * ((size - 1) / 4);
	for (let entries = picked; entries <= last; entries += 16) {
		v128.store(entries, i32x4.splat(NOTHING));
	}
	let worst = i32x4.splat(NOTHING);
	for (let at = products; at < productsEnd; at += STRIDE) {
		const numbers = i32x4.sub(i32x4.splat(number), i32x4(0, 1, 2, 3));
		const four = v128.or(v128.and(v128.load(at), productBits), numbers);
		let better = i32x4.bitmask(i32x4.gt_s(four, worst));
		if (better !== 0) {
			do {
				const lane = ctz(better);
				const product = load<i32>(at + 4 * lane) & ~numberBits;
				insert(picked, last, i32x4.splat(product | (number - lane)));
				better &= better - 1;
			} while (better !== 0);
			const lowest = v128.load(last);
			worst = v128.shuffle<i32>(lowest, lowest, 3, 3, 3, 3);
		}
		number -= GROUP;
	}
	for (let entries = picked; entries <= last; entries += 16) {
		const numbers = v128.andnot(v128.load(entries), productBits);
		v128.store(entries, i32x4.sub(i32x4.splat(numberBits), numbers));
	}
	return min(keys, size);
}

/**
 * Puts a key into its place in a sorted list, without a branch: each entry becomes the greater of itself and of the smaller of its
 * neighbour and the new one.
 */
function insert(list: usize, last: usize, key: v128): void {
	let entries = v128.load(last);
	for (let at = last; at > list; at -= 16) {
		const before = v128.load(at - 16);
		v128.store(at, i32x4.max_s(entries, i32x4.min_s(key, v128.shuffle<i32>(before, entries, 3, 4, 5, 6))));
		entries = before;
	}
	const above = i32x4.splat(i32.MAX_VALUE);
	v128.store(list, i32x4.max_s(entries, i32x4.min_s(key, v128.shuffle<i32>(above, entries, 3, 4, 5, 6))));
}
