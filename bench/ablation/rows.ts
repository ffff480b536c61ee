import type { PropagationSettings } from '../../src/masks/labels/settings.js';
import type { Extraction } from './extraction.js';

/** One row of the table: a way to describe frames, and a way to carry labels over the descriptors. */
export type Row = {
	readonly group: Group;
	readonly name: string;
	readonly extraction: Extraction;
	/** The maps that make up the descriptor. */
	readonly parts: readonly string[];
	/** The parts are concatenated on the grid of one cell for 4 pixels of the model's input, instead of added up. */
	readonly concatenate?: true;
	/** Calls of the network that the parts need. */
	readonly calls: number;
	/** Means of 2 x 2 cells: one for 8 pixels. */
	readonly halve?: true;
	/** Principal components of the first frame's descriptors that are kept. */
	readonly components?: number;
	readonly propagation: PropagationSettings;
	/** Only on the few sequences, because of its cost. */
	readonly few?: true;
};

export const groups = {
	reference: 'Reference',
	grid: 'Grid',
	width: 'Descriptor width',
	propagation: 'Propagation',
	refinement: 'Refinement',
	search: 'Search for matches',
	layers: 'Raw layers',
	timesteps: 'Timesteps',
	'layers-timesteps': 'Raw layers at another timestep',
} as const;
export type Group = keyof typeof groups;

/** Ten steps over the schedule: calls at t = -1, 0, 100, 200 and on; saved steps count from noise. */
const STEPS = 10;
const timesteps = [-1, 0, 100, 200] as const;
const callsTo = (t: number): number => (t < 0 ? 1 : t / 100 + 2);
const saved = timesteps.map((t) => STEPS - callsTo(t));

/**
 * The table: one thing is changed at a time.
 *
 * @param layers how many the model taps
 */
export const ablationRows = (propagation: PropagationSettings, shortSide: number, layers: number): Row[] => {
	const fast: Extraction = { name: 'fast', fast: true, shortSide };
	const base = { extraction: fast, parts: ['sum@-1'], calls: 1, propagation };
	const full: Extraction = { name: 'full', fast: false, shortSide };
	const withSettings = (
		name: string,
		change: Partial<PropagationSettings>,
		group: Group = 'propagation',
	) => ({
		...{ ...base, group, name },
		propagation: { ...propagation, ...change },
	});
	const { refinement } = propagation;

	const sides = [192, 224, 256, 288].filter((side) => side !== shortSide);
	const grid: Row[] = [
		{
			...{ ...base, group: 'grid', name: 'a cell for 8×8 pixels (radius 10 cells)', halve: true },
			propagation: { ...propagation, radius: 10 },
		},
		...sides.map(
			(side): Row => ({
				...{ ...base, group: 'grid', name: `short side ${side}` },
				extraction: { name: `fast-${side}`, fast: true, shortSide: side },
			}),
		),
	];
	const width = [64, 32].map(
		(components): Row => ({
			...{ ...base, group: 'width', name: `${components} principal components`, components },
		}),
	);
	const settings: Row[] = [
		{ ...base, group: 'propagation', name: 'float32 model', extraction: full },
		...[1, 4, 12].map((recentFrames) => withSettings(`recentFrames ${recentFrames}`, { recentFrames })),
		...[10, 30].map((radius) => withSettings(`radius ${radius}`, { radius })),
		...[1, 15].map((topK) => withSettings(`topK ${topK}`, { topK })),
		...[0, 0.6].map((keyframeWeight) => withSettings(`keyframeWeight ${keyframeWeight}`, { keyframeWeight })),
	];
	const ofRefinement = [
		// What is not refined must not be fed back: upsampling and averaging back would blur it frame after frame.
		withSettings(
			NO_REFINEMENT,
			{ refinement: { ...refinement, iterations: 0 }, feedBack: 'unrefined' },
			'refinement',
		),
		withSettings('refined, unrefined remembered', { feedBack: 'unrefined' }, 'refinement'),
	];

	const few = { ...base, few: true } as const;
	const search: Row[] = [
		{ ...few, group: 'search', name: `${propagation.candidates} candidates` },
		{
			...{ ...few, group: 'search', name: 'every cell of the window' },
			propagation: { ...propagation, candidates: null },
		},
	];
	const schedule = { steps: STEPS, saved };
	const sums: Extraction = { name: 'steps', fast: false, shortSide, schedule };
	const taps: Extraction = { name: 'layers', fast: false, shortSide, schedule, layers: true };
	const layerNumbers = Array.from({ length: layers }, (_, index) => index + 1);
	const layer = (k: number, t: number, group: Group): Row => ({
		...{ ...few, group, name: `Layer-${k}${t < 0 ? '' : ` at t = ${t}`}`, extraction: taps },
		...{ parts: [`layer-${k}@${t}`], concatenate: true, calls: callsTo(t) },
	});
	const ofLayers: Row[] = [
		{ ...few, group: 'layers', name: 'aggregation', extraction: sums },
		{
			...{ ...few, group: 'layers', name: 'Concat-All', extraction: taps, concatenate: true },
			parts: layerNumbers.map((k) => `layer-${k}@-1`),
		},
		...layerNumbers.map((k) => layer(k, -1, 'layers')),
	];
	const ofSteps = timesteps.map(
		(t): Row => ({
			...{ ...few, group: 'timesteps', name: `t = ${t}`, extraction: sums },
			...{ parts: [`sum@${t}`], calls: callsTo(t) },
		}),
	);
	const severalSteps = [2, 3, 4].map((count): Row => {
		const used = timesteps.slice(0, count);
		return {
			...{ ...few, group: 'timesteps', name: `sum of t = ${used.join(', ')}`, extraction: sums },
			...{ parts: used.map((t) => `sum@${t}`), calls: callsTo(used.at(-1) ?? -1) },
		};
	});
	return [
		{ ...base, group: 'reference', name: REFERENCE },
		...grid,
		...width,
		...settings,
		...ofRefinement,
		...search,
		...ofLayers,
		...ofSteps,
		...severalSteps,
		...layerNumbers.map((k) => layer(k, 100, 'layers-timesteps')),
	];
};

export const REFERENCE = 'reference';
export const NO_REFINEMENT = 'no refinement';
