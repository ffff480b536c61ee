import { allocate, get, set } from '../memory';
import {
	cellOf,
	GROUP,
	gridHeight,
	gridWidth,
	LENGTH,
	lacksCells,
	NOTHING,
	STRIDE,
	VECTOR_BYTES,
} from './layout';

/** Matches of a cell. */
let matches: i32 = 0;
/** int32 [cells, matches], and float32 of the same shape: the chosen matches, best first. */
let owners: usize = 0;
let indices: usize = 0;
let similarities: usize = 0;
/** int32 [matches]: the best keys of one query as `group * 4 + key`, and their products. */
let picked: usize = 0;
let scores: usize = 0;

export function openChoice(matchesOfCell: i32): void {
	matches = matchesOfCell;
	const bytes: usize = 4 * matches * gridHeight * gridWidth;
	owners = allocate(bytes);
	indices = allocate(bytes);
	similarities = allocate(bytes);
	picked = allocate(4 * matches);
	scores = allocate(4 * matches);
}

export function chosenOwners(): usize {
	return owners;
}

export function chosenIndices(): usize {
	return indices;
}

export function chosenSimilarities(): usize {
	return similarities;
}

/** Forgets what was chosen before. */
export function clearChoice(): void {
	const length = matches * gridHeight * gridWidth;
	memory.fill(owners, 0xff, 4 * length);
	memory.fill(indices, 0, 4 * length);
	for (let at = 0; at < length; at++) {
		store<f32>(similarities + ((at as usize) << 2), similarityOf(NOTHING));
	}
}

function similarityOf(product: i32): f32 {
	return (product as f32) * (1 / (LENGTH * LENGTH));
}

/**
 * Chooses the best keys for the four cells of a query block.
 *
 * @param products int32 [groups, 4 queries, 4 keys] up to `productsEnd`, at least one group
 * @param keyFrames int32 [groups] which frame each key block belongs to
 * @param keyBlocks int32 [groups] their numbers
 */
export function choose(
	block: i32,
	products: usize,
	productsEnd: usize,
	keyFrames: usize,
	keyBlocks: usize,
): void {
	for (let member = 0; member < GROUP; member++) {
		const cell = cellOf(block, member);
		if (cell < 0) {
			continue;
		}
		// A query's products are as far apart as there are keys in a group.
		const offset = (member as usize) * VECTOR_BYTES;
		const held = pick(products + offset, productsEnd + offset, picked, scores, matches, keyBlocks);
		for (let rank = 0; rank < held; rank++) {
			write(cell * matches + rank, get(picked, rank), get(scores, rank), keyFrames, keyBlocks);
		}
	}
}

function write(match: i32, key: i32, score: i32, keyFrames: usize, keyBlocks: usize): void {
	const group = key / GROUP;
	set(owners, match, get(keyFrames, group));
	set(indices, match, cellOf(get(keyBlocks, group), key % GROUP));
	store<f32>(similarities + ((match as usize) << 2), similarityOf(score));
}

/**
 * Picks the `size` keys with the greatest products of one query: `group * 4 + key`, best first, of equals the first one.
 *
 * @param products int32 [groups, 4 queries, 4 keys] up to `productsEnd`, from the query's own first key on
 * @param pickedKeys gets the keys
 * @param pickedScores gets their products
 * @param keyBlocks int32 [groups] numbers of the groups' blocks: cells that do not exist are no keys
 * @returns how many were picked: fewer than `size` where there are fewer
 */
export function pick(
	products: usize,
	productsEnd: usize,
	pickedKeys: usize,
	pickedScores: usize,
	size: i32,
	keyBlocks: usize,
): i32 {
	let held = 0;
	let worst = NOTHING;
	for (let at = products, group = 0; at < productsEnd; at += STRIDE, group++) {
		if (!v128.any_true(i32x4.gt_s(v128.load(at), i32x4.splat(worst)))) {
			continue;
		}
		for (let lane = 0; lane < GROUP; lane++) {
			const score = get(at, lane);
			if (score <= worst || (lacksCells && cellOf(get(keyBlocks, group), lane) < 0)) {
				continue;
			}
			// Sorted by insertion: most keys do not get here.
			let rank = held === size ? size - 1 : held++;
			for (; rank > 0 && get(pickedScores, rank - 1) < score; rank--) {
				set(pickedScores, rank, get(pickedScores, rank - 1));
				set(pickedKeys, rank, get(pickedKeys, rank - 1));
			}
			set(pickedScores, rank, score);
			set(pickedKeys, rank, group * GROUP + lane);
			if (held === size) {
				worst = get(pickedScores, size - 1);
			}
		}
	}
	return held;
}
