import { allocate, get, set } from '../memory';
import { choose } from './choose';
import {
	blockAt,
	blocksAt,
	GROUP,
	groupBytes,
	STRIDE,
	superblockColumns,
	superblockRows,
	superblocksAt,
} from './layout';
import { multiply } from './products';
import { rank } from './rank';

/** Where nothing but the similarity is at stake, a fraction of the candidates is looked at. */
const FEWER: i32 = 8;
/** Marks a superblock whose class is not certain. */
const UNCERTAIN: i32 = 255;

/** A frame that is searched. */
@unmanaged
class SearchedFrame {
	/** Where its descriptors begin. */
	descriptors: usize = 0;
	/** How far around a cell is searched, in cells; at most the grid's height and width together. */
	radius: i32 = 0;
	/** uint8 [superblocks]: the class that all cells of a superblock certainly have, or {@link UNCERTAIN}. */
	classes: usize = 0;
}

/** Blocks that a block is compared with cell by cell; 0 for all in the window. */
let candidates: i32 = 0;
/** The searched frames, their classes behind them. */
let frames: usize = 0;
let framesCapacity: i32 = 0;

/** Groups that are multiplied next: their addresses, the frames and the numbers of what they are groups of; then the products. */
let list: usize = 0;
let listFrames: usize = 0;
let listNumbers: usize = 0;
let products: usize = 0;
let listCapacity: i32 = 0;

/** The superblocks that were picked for a query superblock: twice as many as candidates. */
let pickedSuperblocks: usize = 0;
let superblockFrames: usize = 0;
let superblockNumbers: usize = 0;
/** The blocks that were picked for each of its four blocks. */
let pickedBlocks: usize = 0;
let pickedBlocksBytes: usize = 0;
let pickedCounts: usize = 0;
/** The same of a search among these. */
let blockList: usize = 0;
let blockFrames: usize = 0;
let blockNumbers: usize = 0;
let blockProducts: usize = 0;

export function openSearch(candidateBlocks: i32): void {
	candidates = candidateBlocks;
	const superblocks: usize = 2 * candidates;
	pickedSuperblocks = allocate(4 * superblocks + 16);
	superblockFrames = allocate(4 * superblocks);
	superblockNumbers = allocate(4 * superblocks);
	pickedBlocksBytes = (4 * candidates + 15) & ~15;
	pickedBlocks = allocate(GROUP * pickedBlocksBytes);
	pickedCounts = allocate(4 * GROUP);
	blockList = allocate(4 * superblocks);
	blockFrames = allocate(4 * candidates);
	blockNumbers = allocate(4 * candidates);
	blockProducts = allocate(STRIDE * superblocks);
}

/** Room for so many searched frames: for each of them a `SearchedFrame`, and behind all of these the classes of their superblocks. */
export function reserveFrames(count: i32): usize {
	if (count > framesCapacity) {
		framesCapacity = count;
		frames = allocate(count * (offsetof<SearchedFrame>() + superblockRows * superblockColumns));
	}
	const blocks = GROUP * superblockRows * superblockColumns;
	const groups = count * (candidates === 0 ? blocks : blocks / (GROUP * GROUP));
	if (groups > listCapacity) {
		listCapacity = groups;
		list = allocate(4 * groups);
		listFrames = allocate(4 * groups);
		listNumbers = allocate(4 * groups);
		products = allocate(STRIDE * groups);
	}
	return frames;
}

function frameAt(index: i32): SearchedFrame {
	return changetype<SearchedFrame>(frames + index * offsetof<SearchedFrame>());
}

/** A radius of so many cells in larger units. */
function reachOf(radius: i32, unit: i32): i32 {
	return (radius + unit - 1) / unit;
}

/** Compares each block of a query with all in its window of each frame. */
export function searchAll(query: usize, frameCount: i32): void {
	const rows = 2 * superblockRows;
	const columns = 2 * superblockColumns;
	for (let y = 0; y < rows; y++) {
		for (let x = 0; x < columns; x++) {
			let count = 0;
			for (let index = 0; index < frameCount; index++) {
				const frame = frameAt(index);
				const reach = reachOf(frame.radius, 2);
				for (let keyY = max(0, y - reach); keyY <= min(rows - 1, y + reach); keyY++) {
					for (let keyX = max(0, x - reach); keyX <= min(columns - 1, x + reach); keyX++) {
						const key = blockAt(keyY, keyX);
						set(list, count, (frame.descriptors + key * groupBytes) as i32);
						set(listFrames, count, index);
						set(listNumbers, count++, key);
					}
				}
			}
			const block = blockAt(y, x);
			multiply(query + block * groupBytes, list, list + 4 * count, products);
			choose(block, products, products + STRIDE * count, listFrames, listNumbers);
		}
	}
}

/**
 * Searches down the pyramid, for all superblocks of a query in the first `frameCount` frames: the superblocks in the window, the blocks of the
 * best superblocks, the cells of the best blocks.
 */
export function searchCandidates(query: usize, frameCount: i32): void {
	for (let y = 0; y < superblockRows; y++) {
		for (let x = 0; x < superblockColumns; x += GROUP) {
			const first = y * superblockColumns + x;
			const groups = listSuperblocks(y, x, frameCount);
			multiply(query + superblocksAt + (first / GROUP) * groupBytes, list, list + 4 * groups, products);
			const productsBytes = STRIDE * groups;
			for (let member = 0; member < GROUP; member++) {
				const own = products + (member << 4);
				const held = rank(own, own + productsBytes, pickedSuperblocks, 2 * candidates);
				searchSuperblock(first + member, query, held);
			}
		}
	}
}

/**
 * Lists the groups of superblocks in the window of four superblocks. Near rows of near frames come first: they hold most of the best superblocks,
 * and what comes late is soon refused.
 */
function listSuperblocks(y: i32, x: i32, frameCount: i32): i32 {
	let count = 0;
	for (let index = frameCount - 1; index >= 0; index--) {
		const frame = frameAt(index);
		const reach = reachOf(frame.radius, 4);
		// Whole groups, as many wherever the window is.
		const across = (reach + GROUP - 1) & -GROUP;
		const width = min(2 * across + GROUP, superblockColumns);
		const left = min(max(x - across, 0), superblockColumns - width);
		for (let step = 0; step <= 2 * reach; step++) {
			// 0, -1, 1, -2, 2, ...
			const row = y + ((step & 1) === 1 ? -((step + 1) >> 1) : step >> 1);
			if (row < 0 || row >= superblockRows) {
				continue;
			}
			const from = row * superblockColumns + left;
			for (let key = from; key < from + width; key += GROUP) {
				set(list, count, (frame.descriptors + superblocksAt + (key / GROUP) * groupBytes) as i32);
				set(listFrames, count, index);
				set(listNumbers, count++, key);
			}
		}
	}
	return count;
}

/**
 * Searches the blocks and cells of a query superblock in the superblocks that were picked for it. Where all of these certainly have one and
 * the same class, few of them are looked at.
 */
function searchSuperblock(superblock: i32, query: usize, held: i32): void {
	const agree = takeSuperblocks(held);
	const looked = min(held, agree ? (2 * candidates + FEWER - 1) / FEWER : 2 * candidates);
	const most = agree ? (candidates + FEWER - 1) / FEWER : candidates;
	for (let at = 0; at < looked; at++) {
		const frame = frameAt(get(superblockFrames, at));
		set(blockList, at, (frame.descriptors + blocksAt + get(superblockNumbers, at) * groupBytes) as i32);
	}
	multiply(query + blocksAt + superblock * groupBytes, blockList, blockList + 4 * looked, blockProducts);
	// A block's picks are all made before cells are multiplied, where the blocks' products are.
	for (let part = 0; part < GROUP; part++) {
		const own = blockProducts + (part << 4);
		const picked = pickedBlocks + part * pickedBlocksBytes;
		set(pickedCounts, part, rank(own, own + STRIDE * looked, picked, candidates));
	}
	for (let part = 0; part < GROUP; part++) {
		const compared = min(get(pickedCounts, part), most);
		takeBlocks(pickedBlocks + part * pickedBlocksBytes, compared);
		const block = superblock * GROUP + part;
		multiply(query + block * groupBytes, blockList, blockList + 4 * compared, blockProducts);
		choose(block, blockProducts, blockProducts + STRIDE * compared, blockFrames, blockNumbers);
	}
}

/** Names the picked superblocks. @returns whether all of them certainly have one class */
function takeSuperblocks(held: i32): bool {
	let common = UNCERTAIN;
	let agree = true;
	for (let at = 0; at < held; at++) {
		const picked = get(pickedSuperblocks, at);
		const index = get(listFrames, picked / GROUP);
		const superblock = get(listNumbers, picked / GROUP) + (picked % GROUP);
		set(superblockFrames, at, index);
		set(superblockNumbers, at, superblock);
		const found: i32 = load<u8>(frameAt(index).classes + superblock);
		common = at === 0 ? found : common;
		agree = agree && found === common && found !== UNCERTAIN;
	}
	return agree;
}

/** Names the picked blocks, and lists their cells. */
function takeBlocks(picked: usize, count: i32): void {
	for (let at = 0; at < count; at++) {
		const place = get(picked, at);
		const index = get(superblockFrames, place / GROUP);
		const block = get(superblockNumbers, place / GROUP) * GROUP + (place % GROUP);
		set(blockFrames, at, index);
		set(blockNumbers, at, block);
		set(blockList, at, (frameAt(index).descriptors + block * groupBytes) as i32);
	}
}
