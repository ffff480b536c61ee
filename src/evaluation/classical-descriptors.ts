import type { DescriptorExtractor, DescriptorMap } from '../core/descriptor-map.js';
import type { Raster } from '../core/frame.js';
import { type LabImage, labImage } from '../masks/refinement/lab-image.js';

/** Short side of the working image and side of a cell, in its pixels: about 60 x 107 cells for 854 x 480. */
const WORKING_SHORT_SIDE = 240;
const CELL = 4;

/** Orientation bins over 180 degrees, as in HOG (Dalal & Triggs 2005). */
const BINS = 9;

/** Share of the similarity that is colour; the rest is gradients. */
const COLOUR_SHARE = 0.55;

/**
 * Colour is encoded as cosine and sine at these frequencies (radians for the full range of L*, and of a* or b* of ±50),
 * so that the cosine similarity of two cells falls with the distance of their colours instead of comparing hues only.
 */
const FREQUENCIES = [2.5, 6];

/** Per-cell values that are not yet gathered over neighbours: [cells, channels]. */
type CellField = { readonly channels: number; readonly data: Float32Array };

/**
 * The descriptors of the time before learning: L*a*b* colour and histograms of oriented gradients of a cell and its eight
 * neighbours. The baseline that a learned descriptor has to beat with the same propagation.
 */
export const classicalExtractor = (): DescriptorExtractor => ({
	channels: 9 * (BINS + colourChannels),
	extract: async (image) => classicalDescriptors(image),
	close: async () => {},
});

const colourChannels = 3 * FREQUENCIES.length * 2;

/** Descriptors of one image, length 1. */
export const classicalDescriptors = (image: Raster<3>): DescriptorMap => {
	const factor = Math.max(1, Math.round(Math.min(image.width, image.height) / WORKING_SHORT_SIDE));
	const lab = labImage(image, factor);
	const height = Math.floor(lab.height / CELL);
	const width = Math.floor(lab.width / CELL);
	const blocks = [
		{ block: neighbourhoods(colourOfCells(lab, height, width), height, width), share: COLOUR_SHARE },
		{ block: neighbourhoods(gradientsOfCells(lab, height, width), height, width), share: 1 - COLOUR_SHARE },
	];
	const cells = height * width;
	const channels = blocks.reduce((sum, { block }) => sum + block.channels, 0);
	const data = new Float32Array(channels * cells);
	for (let cell = 0; cell < cells; cell++) {
		let channel = 0;
		for (const { block, share } of blocks) {
			const values = block.data.subarray(cell * block.channels, (cell + 1) * block.channels);
			// Each part is normalised on its own, so that their shares hold in flat and in busy regions alike.
			const squares = values.reduce((sum, value) => sum + value * value, 0);
			const scale = Math.sqrt(share / Math.max(squares, 1e-12));
			for (const value of values) {
				data[channel++ * cells + cell] = value * scale;
			}
		}
	}
	return { channels, height, width, data };
};

const colourOfCells = (lab: LabImage, height: number, width: number): CellField => {
	const data = new Float32Array(height * width * colourChannels);
	for (let cell = 0; cell < height * width; cell++) {
		const top = Math.floor(cell / width) * CELL;
		const left = (cell % width) * CELL;
		let at = cell * colourChannels;
		for (const plane of [lab.l, lab.a, lab.b]) {
			let sum = 0;
			for (let y = top; y < top + CELL; y++) {
				for (let x = left; x < left + CELL; x++) {
					sum += plane[y * lab.width + x] ?? 0;
				}
			}
			for (const frequency of FREQUENCIES) {
				const angle = (frequency * sum) / (CELL * CELL);
				data[at++] = Math.cos(angle);
				data[at++] = Math.sin(angle);
			}
		}
	}
	return { channels: colourChannels, data };
};

const gradientsOfCells = (lab: LabImage, height: number, width: number): CellField => {
	const data = new Float32Array(height * width * BINS);
	for (let y = 0; y < height * CELL; y++) {
		const above = Math.max(0, y - 1) * lab.width;
		const below = Math.min(lab.height - 1, y + 1) * lab.width;
		for (let x = 0; x < width * CELL; x++) {
			const row = y * lab.width;
			const dx = (lab.l[row + Math.min(lab.width - 1, x + 1)] ?? 0) - (lab.l[row + Math.max(0, x - 1)] ?? 0);
			const dy = (lab.l[below + x] ?? 0) - (lab.l[above + x] ?? 0);
			const orientation = ((Math.atan2(dy, dx) / Math.PI + 1) % 1) * BINS;
			const bin = Math.floor(orientation) % BINS;
			const share = orientation - Math.floor(orientation);
			// The square root keeps one strong edge from hiding the texture around it.
			const strength = Math.sqrt(Math.hypot(dx, dy));
			const at = (Math.floor(y / CELL) * width + Math.floor(x / CELL)) * BINS;
			data[at + bin] = (data[at + bin] ?? 0) + strength * (1 - share);
			const next = at + ((bin + 1) % BINS);
			data[next] = (data[next] ?? 0) + strength * share;
		}
	}
	return { channels: BINS, data };
};

/** Every cell's values and those of its eight neighbours, the border repeated. */
const neighbourhoods = (field: CellField, height: number, width: number): CellField => {
	const { channels } = field;
	const data = new Float32Array(height * width * 9 * channels);
	let at = 0;
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			for (let dy = -1; dy <= 1; dy++) {
				for (let dx = -1; dx <= 1; dx++) {
					const ny = Math.min(height - 1, Math.max(0, y + dy));
					const nx = Math.min(width - 1, Math.max(0, x + dx));
					const from = (ny * width + nx) * channels;
					data.set(field.data.subarray(from, from + channels), at);
					at += channels;
				}
			}
		}
	}
	return { channels: 9 * channels, data };
};
