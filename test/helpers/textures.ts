import type { Raster } from '../../src/core/frame.js';

/**
 * A picture without repetition: waves of many lengths and directions in three colours, evaluated at
 * `position(x, y)` of every pixel, so that a deformed copy is exact.
 */
export const texture = (
	width: number,
	height: number,
	seed = 1,
	position: (x: number, y: number) => readonly [number, number] = (x, y) => [x, y],
): Raster<3> => {
	const waves = Array.from({ length: 14 }, (_, i) => {
		const angle = i * 2.399 + seed;
		const length = 9 + ((i * 37 + seed * 13) % 60);
		return {
			x: Math.cos(angle) / length,
			y: Math.sin(angle) / length,
			phase: i * 1.7 + seed,
			channel: i % 3,
		};
	});
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const [u, v] = position(x, y);
			const sums = [0, 0, 0];
			for (const wave of waves) {
				sums[wave.channel] =
					(sums[wave.channel] ?? 0) + Math.sin(2 * Math.PI * (wave.x * u + wave.y * v) + wave.phase);
			}
			sums.forEach((sum, channel) => {
				data[(y * width + x) * 3 + channel] = Math.round(Math.min(255, Math.max(0, 128 + 32 * sum)));
			});
		}
	}
	return { width, height, channels: 3, data };
};
