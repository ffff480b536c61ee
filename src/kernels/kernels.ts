import { readFileSync } from 'node:fs';
import { builtUrl } from '../core/built-url.js';

/**
 * An instance of the kernels: a memory of its own, and functions on it. What they do, and what their arguments are, is said where
 * they are, in `assembly/`. Addresses are in bytes.
 */
export type Kernels = MemoryKernels &
	MatchingKernels &
	FieldKernels &
	ImageKernels &
	HalfKernels &
	MatteKernels;

type MemoryKernels = {
	readonly memory: WebAssembly.Memory;
	/** Detaches the memory's views where it has to grow, as does what allocates: `openMatcher`, `allocateFrame`, `reserveFrames`, … */
	allocate(bytes: number): number;
	free(address: number): void;
};

type MatchingKernels = {
	openMatcher(height: number, width: number, channels: number, matches: number, candidates: number): void;
	readonly cells: Global;
	readonly superblockRows: Global;
	readonly superblockColumns: Global;
	readonly multiplied: Global;
	allocateFrame(): number;
	planeOf(channel: number): number;
	storeFrame(frame: number): void;
	reserveFrames(count: number): number;
	clearChoice(): void;
	searchAll(query: number, frames: number): void;
	searchCandidates(query: number, frames: number): void;
	chosenOwners(): number;
	chosenIndices(): number;
	chosenSimilarities(): number;
	pick(
		products: number,
		productsEnd: number,
		keys: number,
		scores: number,
		size: number,
		blocks: number,
	): number;
	rank(products: number, productsEnd: number, keys: number, size: number): number;
};

type FieldKernels = {
	openField(width: number, height: number, objects: number, bandLength: number): void;
	fieldBand(): number;
	fieldPixel(plane: number, pixel: number): number;
	fieldOdds(object: number): number;
	compareNeighbours(colourSigma: number): void;
	/** 0 when nothing moves any more. */
	iterate(smoothness: number): number;
	fieldProbabilities(object: number): number;
};

type ImageKernels = {
	convertToLab(
		image: number,
		rowBytes: number,
		factor: number,
		runs: number,
		runsEnd: number,
		width: number,
		linear: number,
		curve: number,
		planes: number,
		planeBytes: number,
	): void;
	filterRow(row: number, offsets: number, weights: number, taps: number, out: number, width: number): void;
	filterColumns(
		rows: number,
		pitch: number,
		weights: number,
		taps: number,
		out: number,
		outEnd: number,
	): void;
};

type HalfKernels = {
	encodeHalves(singles: number, singlesEnd: number, halves: number): void;
	decodeHalves(halves: number, halvesEnd: number, singles: number): void;
};

type MatteKernels = {
	openMatte(width: number, height: number, block: number): void;
	mattePixels(): number;
	matteMask(): number;
	findLines(scale: number): void;
	openBefore(): number;
	cellRowBytes(): number;
	steadyLines(): number;
	writeAlpha(): number;
	distanceToBorder(cover: number, to: number, width: number, height: number): void;
	openForeground(width: number, height: number): void;
	foregroundPixels(): number;
	foregroundAlpha(): number;
	findForeground(far: number, near: number): void;
};

type Global = { readonly value: number };

let compiled: WebAssembly.Module | undefined;

export const openKernels = (): Kernels => {
	compiled ??= new WebAssembly.Module(readFileSync(builtUrl(import.meta.url, './kernels.wasm')));
	const kernels = new WebAssembly.Instance(compiled, {
		memory: { grow: (pages: number) => kernels.memory.grow(pages) },
	}).exports as unknown as Kernels;
	return kernels;
};

/** Views of a kernel's memory; they hold until it grows. WebAssembly gives addresses in its upper half as negative numbers. */
export const bytesAt = ({ memory }: Kernels, address: number, length: number): Uint8Array =>
	new Uint8Array(memory.buffer, address >>> 0, length);
export const intsAt = ({ memory }: Kernels, address: number, length: number): Int32Array =>
	new Int32Array(memory.buffer, address >>> 0, length);
export const shortsAt = ({ memory }: Kernels, address: number, length: number): Uint16Array =>
	new Uint16Array(memory.buffer, address >>> 0, length);
export const floatsAt = ({ memory }: Kernels, address: number, length: number): Float32Array =>
	new Float32Array(memory.buffer, address >>> 0, length);
