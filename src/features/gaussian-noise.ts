import { randomFrom } from '../core/random.js';

/** Numbers in 0..1, exclusive of 0, whose logarithm is none; the same sequence for the same seed. */
export const uniform = (seed: number): (() => number) => {
	const next = randomFrom(seed);
	return () => next() + 2 ** -32;
};

/**
 * Standard normal noise (Box-Muller), the same for the same seed on every machine. It is not the sequence of any
 * other program: to repeat another program's image, its noise has to be given.
 */
export const gaussianNoise = (count: number, seed: number): Float32Array => {
	const next = uniform(seed);
	const noise = new Float32Array(count);
	for (let i = 0; i < count; i += 2) {
		const radius = Math.sqrt(-2 * Math.log(next()));
		const angle = 2 * Math.PI * next();
		noise[i] = radius * Math.cos(angle);
		if (i + 1 < count) {
			noise[i + 1] = radius * Math.sin(angle);
		}
	}
	return noise;
};
