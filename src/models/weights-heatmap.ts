import type { Raster } from '../media/frame.js';
import type { Manifest } from './manifest.js';

const CELL_PIXELS = 24;
/** From nothing to the largest weight: white, then the dark end of a single-hue scale, readable in grey too. */
const LIGHT = [255, 255, 255] as const;
const DARK = [8, 48, 107] as const;

/**
 * The mixing weights as a picture like the paper's figure 6: a row for each saved timestep, a column for each
 * layer, darker where the weight is larger.
 */
export const weightsHeatmap = ({ mixingWeights }: Pick<Manifest, 'mixingWeights'>): Raster<3> => {
	const rows = mixingWeights.length;
	const columns = mixingWeights[0]?.length ?? 0;
	const largest = Math.max(...mixingWeights.flat());
	const width = columns * CELL_PIXELS;
	const height = rows * CELL_PIXELS;
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const weight = mixingWeights[Math.floor(y / CELL_PIXELS)]?.[Math.floor(x / CELL_PIXELS)] ?? 0;
			for (const [channel, light] of LIGHT.entries()) {
				const dark = DARK[channel] ?? 0;
				data[(y * width + x) * 3 + channel] = Math.round(light + (dark - light) * (weight / largest));
			}
		}
	}
	return { width, height, channels: 3, data };
};
