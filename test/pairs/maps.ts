import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { randomFrom } from '../../src/core/random.js';

/** Small repeatable pseudo-random numbers in -1..1. */
export const randomNumbers = (seed: number): (() => number) => {
	const random = randomFrom(seed);
	return () => 2 * random() - 1;
};

/** A map whose every cell is different from all others. */
export const randomMap = (channels: number, height: number, width: number, seed: number): DescriptorMap => {
	const next = randomNumbers(seed);
	return { channels, height, width, data: Float32Array.from({ length: channels * height * width }, next) };
};

/**
 * A map that varies smoothly over the image, as real descriptors do: waves of several directions, evaluated at
 * `position(x, y)` of each cell, with x and y from 0 to 1 over the image.
 */
export const waveMap = (
	channels: number,
	height: number,
	width: number,
	position: (x: number, y: number) => readonly [number, number] = (x, y) => [x, y],
): DescriptorMap => {
	const next = randomNumbers(7);
	const waves = Array.from({ length: channels }, () => [next() * 12, next() * 12, next() * Math.PI] as const);
	const data = new Float32Array(channels * height * width);
	waves.forEach(([fx, fy, phase], channel) => {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const [u, v] = position((x + 0.5) / width, (y + 0.5) / height);
				data[(channel * height + y) * width + x] = Math.sin(fx * u + fy * v + phase);
			}
		}
	});
	return { channels, height, width, data };
};
