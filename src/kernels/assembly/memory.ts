/** The host's: adds pages of 64 KiB to this memory, or throws. */
declare function grow(pages: i32): void;

const PAGE_BYTES: u64 = 1 << 16;
const ALIGNMENT: usize = 16;

/** The first byte behind everything allocated. */
let top: usize = __heap_base;

/** The address of so many bytes, all 0 unless they have been freed before; a vector may begin there. */
export function allocate(bytes: usize): usize {
	const address = (top + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	// Beyond 32 bits there is no memory: `grow` refuses.
	const end = (address as u64) + bytes;
	const pages = ((end + PAGE_BYTES - 1) / PAGE_BYTES) as i32;
	if (pages > memory.size()) {
		grow(pages - memory.size());
	}
	top = end as usize;
	return address;
}

/** Frees all that has been allocated from an address on. */
export function free(address: usize): void {
	top = address;
}

/** One of an array of 32-bit integers. */
export function get(array: usize, index: i32): i32 {
	return load<i32>(array + ((index as usize) << 2));
}

export function set(array: usize, index: i32, value: i32): void {
	store<i32>(array + ((index as usize) << 2), value);
}
