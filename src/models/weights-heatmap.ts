import type { Manifest } from './manifest.js';

const CELL = 26;
/** From nothing to the largest weight: white, then the dark end of a single-hue scale, readable in grey too. */
const LIGHT = [255, 255, 255] as const;
const DARK = [8, 48, 107] as const;
/** Room for the numbers and titles, in pixels. */
const MARGIN = { left: 66, top: 34, right: 96, bottom: 52 };

const colourOf = (share: number): string =>
	`rgb(${LIGHT.map((light, channel) => Math.round(light + ((DARK[channel] ?? 0) - light) * share)).join()})`;

/**
 * The mixing weights as a picture like the paper's figure 5: a row for each layer, a column for each saved timestep
 * from the clean image to noise, darker where the weight is larger.
 *
 * @returns an SVG document
 */
export const weightsHeatmap = ({
	name,
	mixingWeights,
	schedule,
}: Pick<Manifest, 'name' | 'mixingWeights' | 'schedule'>): string => {
	const layers = mixingWeights[0]?.length ?? 0;
	// Saved steps count from noise; the paper's axis counts from the clean image.
	const columns = mixingWeights
		.map((weights, index) => ({
			weights,
			timestep: schedule.steps - 1 - (schedule.saveTimesteps[index] ?? 0),
		}))
		.sort((a, b) => a.timestep - b.timestep);
	const largest = Math.max(...mixingWeights.flat());
	const [gridWidth, gridHeight] = [columns.length * CELL, layers * CELL];
	const title = `${name}: mixing weights`;
	// Text is as wide as the reader's font makes it; 8 pixels a letter is a generous guess.
	const width = Math.max(MARGIN.left + gridWidth + MARGIN.right, 28 + 8 * title.length, 260);
	const height = MARGIN.top + gridHeight + MARGIN.bottom;
	const text = (x: number, y: number, content: string, attributes = ''): string =>
		`<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
	const cells = columns.flatMap(({ weights }, column) =>
		weights.map((weight, layer) => {
			const [x, y] = [MARGIN.left + column * CELL, MARGIN.top + layer * CELL];
			return `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="${colourOf(weight / largest)}"/>`;
		}),
	);
	const rowNumbers = Array.from({ length: layers }, (_, layer) =>
		text(MARGIN.left - 6, MARGIN.top + (layer + 0.5) * CELL + 4, `${layer + 1}`, 'text-anchor="end"'),
	);
	const columnNumbers = columns.map(({ timestep }, column) =>
		text(
			MARGIN.left + (column + 0.5) * CELL,
			MARGIN.top + gridHeight + 16,
			`${timestep}`,
			'text-anchor="middle"',
		),
	);
	const scaleX = MARGIN.left + gridWidth + 20;
	const scale = Array.from({ length: gridHeight }, (_, y) => {
		const share = 1 - y / gridHeight;
		return `<rect x="${scaleX}" y="${MARGIN.top + y}" width="12" height="1" fill="${colourOf(share)}"/>`;
	});
	const middle = MARGIN.top + gridHeight / 2;
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
		`<rect width="${width}" height="${height}" fill="#fff"/>`,
		text(14, 20, title, 'font-weight="bold"'),
		...cells,
		`<rect x="${MARGIN.left}" y="${MARGIN.top}" width="${gridWidth}" height="${gridHeight}" fill="none" stroke="#888"/>`,
		...rowNumbers,
		...columnNumbers,
		...scale,
		text(scaleX + 16, MARGIN.top + 10, largest.toFixed(3)),
		text(scaleX + 16, MARGIN.top + gridHeight, '0'),
		text(20, middle, 'layer', `text-anchor="middle" transform="rotate(-90 20 ${middle})"`),
		text(MARGIN.left, MARGIN.top + gridHeight + 38, `timestep of ${schedule.steps} (0 = clean image)`),
		'</svg>',
	].join('\n');
};
