/** PCK of one raw feature map. */
export type LayerScore = {
	readonly layer: number;
	/** Inversion step, 0 for the clean image. */
	readonly timestep: number;
	readonly pck: number;
};

const PLOT = { width: 620, height: 340, left: 60, right: 150, top: 40, bottom: 54 };
const TICK_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2];
const MOST_TICKS = 6;
/** Told apart also in print and by most colour-blind people (Paul Tol's "muted"). */
const COLOURS = [
	...['#332288', '#88ccee', '#44aa99', '#117733', '#999933', '#ddcc77'],
	...['#cc6677', '#882255', '#aa4499', '#666666', '#000000', '#e07b00'],
];

/**
 * PCK of raw features as in the paper's figures 7 and 9: over the layers with a line for each timestep, or, where there
 * are several timesteps, over these with a line for each layer.
 *
 * @param lines names of the reference lines and their values
 * @returns an SVG document
 */
export const layerPlot = (
	title: string,
	scores: readonly LayerScore[],
	over: 'layer' | 'timestep',
	lines: Readonly<Record<string, number>> = {},
): string => {
	const seriesOf = (score: LayerScore): number => (over === 'layer' ? score.timestep : score.layer);
	const places = [...new Set(scores.map((score) => score[over]))].sort((a, b) => a - b);
	const series = [...new Set(scores.map(seriesOf))].sort((a, b) => a - b);
	const highest = Math.max(0.05, ...scores.map(({ pck }) => pck), ...Object.values(lines));
	const step = TICK_STEPS.find((size) => highest / size <= MOST_TICKS) ?? 0.2;
	const top = Math.ceil(highest / step) * step;
	const right = PLOT.width - PLOT.right;
	const bottom = PLOT.height - PLOT.bottom;
	const x = (place: number): number =>
		PLOT.left + ((places.indexOf(place) + 0.5) / places.length) * (right - PLOT.left);
	const y = (pck: number): number => bottom - (pck / top) * (bottom - PLOT.top);
	const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
	const grid = ticks.map(
		(tick) =>
			`<line x1="${PLOT.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>` +
			`<text x="${PLOT.left - 6}" y="${y(tick) + 4}" text-anchor="end">${(100 * tick).toFixed(0)}</text>`,
	);
	const curves = series.flatMap((name, index) => {
		const colour = COLOURS[index % COLOURS.length];
		const own = scores
			.filter((score) => seriesOf(score) === name)
			.sort((a, b) => a[over] - b[over])
			.map((score) => [x(score[over]).toFixed(1), y(score.pck).toFixed(1)] as const);
		const path = own.map((point) => point.join()).join(' ');
		const label = over === 'layer' ? `timestep ${name}` : `layer ${name}`;
		const legendY = PLOT.top + 10 + index * 17;
		return [
			`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.8"/>`,
			...own.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
			`<line x1="${right + 14}" x2="${right + 34}" y1="${legendY}" y2="${legendY}" stroke="${colour}" stroke-width="2"/>`,
			`<text x="${right + 40}" y="${legendY + 4}">${label}</text>`,
		];
	});
	const references = Object.entries(lines).flatMap(([name, value], index) => {
		const legendY = PLOT.top + 10 + (series.length + index) * 17;
		const dashed = 'stroke="#555" stroke-dasharray="5 4"';
		return [
			`<line x1="${PLOT.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" ${dashed}/>`,
			`<line x1="${right + 14}" x2="${right + 34}" y1="${legendY}" y2="${legendY}" ${dashed}/>`,
			`<text x="${right + 40}" y="${legendY + 4}">${name}</text>`,
		];
	});
	const height = Math.max(PLOT.height, PLOT.top + 30 + (series.length + Object.keys(lines).length) * 17);
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" width="${PLOT.width}" height="${height}" font-family="sans-serif" font-size="12">`,
		`<rect width="${PLOT.width}" height="${height}" fill="#fff"/>`,
		`<text x="${PLOT.left}" y="22" font-weight="bold">${title}</text>`,
		...grid,
		...places.map((place) => `<text x="${x(place)}" y="${bottom + 18}" text-anchor="middle">${place}</text>`),
		`<text x="${(PLOT.left + right) / 2}" y="${bottom + 40}" text-anchor="middle">${over === 'layer' ? 'layer' : 'timestep (0 = clean image)'}</text>`,
		`<text x="18" y="${(PLOT.top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(PLOT.top + bottom) / 2})">PCK@0.1 img, %</text>`,
		...references,
		...curves,
		'</svg>',
	].join('\n');
};
