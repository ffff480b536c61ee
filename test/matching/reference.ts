import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import type { GridSize } from '../../src/core/size.js';

/** Repeatable numbers in -1..1 (a linear congruential generator). */
export const noise = (seed: number): (() => number) => {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 31 - 1;
	};
};

/** Waves of many directions that drift with `shift`: neighbours resemble each other, as in descriptors of images. */
export const smoothMap = (grid: GridSize, channels: number, shift: number, seed = 7): DescriptorMap => {
	const random = noise(seed);
	const { height, width } = grid;
	const data = new Float32Array(channels * height * width);
	for (let c = 0; c < channels; c++) {
		const [fy, fx, phase] = [random() / 2, random() / 2, random() * 9];
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				data[(c * height + y) * width + x] = Math.sin(fy * y + fx * (x - shift) + phase);
			}
		}
	}
	return { channels, height, width, data };
};

/** Nothing resembles anything. */
export const noiseMap = (grid: GridSize, channels: number, seed: number): DescriptorMap => {
	const random = noise(seed);
	const data = Float32Array.from({ length: channels * grid.height * grid.width }, random);
	return { channels, ...grid, data };
};

/** Cosine similarity of two cells, as one would write it down. */
export const cosine = (a: DescriptorMap, cellA: number, b: DescriptorMap, cellB: number): number => {
	const [areaA, areaB] = [a.height * a.width, b.height * b.width];
	let [dot, lengthA, lengthB] = [0, 0, 0];
	for (let c = 0; c < a.channels; c++) {
		const [va, vb] = [a.data[c * areaA + cellA] ?? 0, b.data[c * areaB + cellB] ?? 0];
		dot += va * vb;
		lengthA += va * va;
		lengthB += vb * vb;
	}
	return dot / Math.sqrt(lengthA * lengthB);
};

/** The similarities of the k best keys within a radius (Chebyshev distance) over all frames, best first. */
export const bestSimilarities = (
	query: DescriptorMap,
	cell: number,
	frames: readonly DescriptorMap[],
	radius: number,
	k: number,
): number[] => {
	const [y, x] = [Math.floor(cell / query.width), cell % query.width];
	const all: number[] = [];
	for (const frame of frames) {
		for (let key = 0; key < frame.height * frame.width; key++) {
			const [ky, kx] = [Math.floor(key / frame.width), key % frame.width];
			if (Math.max(Math.abs(ky - y), Math.abs(kx - x)) <= radius) {
				all.push(cosine(query, cell, frame, key));
			}
		}
	}
	return all.sort((a, b) => b - a).slice(0, k);
};
