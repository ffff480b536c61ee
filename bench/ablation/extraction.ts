import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import type { Raster } from '../../src/core/frame.js';
import { type Inversion, openInversion, type StepCollector } from '../../src/features/inversion.js';
import { inversionCalls, type ScheduleCall } from '../../src/features/schedule.js';
import type { Manifest } from '../../src/models/manifest.js';
import type { InstalledModel } from '../../src/models/model-folder.js';
import type { Runtime } from '../../src/runtime/session.js';
import type { Float32Tensor } from '../../src/runtime/tensor.js';

/** One way of running the network over a clip: what makes the maps that are kept differ. */
export type Extraction = {
	/** Names its folder in the store. */
	readonly name: string;
	/** The 8-bit graph; for one call, and sums only. */
	readonly fast: boolean;
	/** Short side of the model's input in pixels. */
	readonly shortSide: number;
	/** Steps of the inversion, and those whose maps are kept, counted as in generation; one call when left out. */
	readonly schedule?: { readonly steps: number; readonly saved: readonly number[] };
	/** Keep the layers as they are instead of their weighted sum. */
	readonly layers?: true;
};

/** A map of one frame: `sum@t` or `layer-k@t`, with k from 1 and t the timestep of the call. */
export type Part = { readonly name: string; readonly map: DescriptorMap };

export type Described = {
	readonly parts: readonly Part[];
	/** CPU time of the frame, all threads, over the number of calls of the network. */
	readonly millisecondsPerCall: number;
};

export type Describe = (image: Raster<3>) => Promise<Described>;

/** The model with its input size and schedule replaced; the same mixing weights at every step, for none were trained. */
const withSettings = (manifest: Manifest, { shortSide, schedule }: Extraction): Manifest => ({
	...manifest,
	image: { ...manifest.image, resize: { mode: 'fit', shortSide, multiple: 32 } },
	...(schedule === undefined
		? {}
		: {
				schedule: { ...manifest.schedule, steps: schedule.steps, saveTimesteps: [...schedule.saved] },
				mixingWeights: schedule.saved.map(() => manifest.mixingWeights[0] ?? []),
			}),
});

const toMap = ({ dims, data }: Float32Tensor): DescriptorMap => {
	const [, channels = 0, height = 0, width = 0] = dims;
	return { channels, height, width, data };
};

/** The calls up to the last that is kept. */
export const callsOf = ({ schedule }: Manifest): ScheduleCall[] => {
	const calls = inversionCalls(schedule);
	const last = calls.findLastIndex(({ saveKey }) => schedule.saveTimesteps.includes(saveKey));
	return calls.slice(0, last + 1);
};

/** Loads the model for an extraction; the runtime's end is its end. */
export const openExtraction = async (
	model: InstalledModel,
	extraction: Extraction,
	runtime: Runtime,
): Promise<Describe> => {
	const manifest = withSettings(model.manifest, extraction);
	const inversion = await openInversion({ ...model, manifest }, runtime, {
		layers: extraction.layers,
		fastGraph: extraction.fast ? manifest.fastGraph : undefined,
	});
	const calls = callsOf(manifest);
	return async (image) => {
		const parts: Part[] = [];
		const start = process.cpuUsage();
		await inversion.follow(image, calls, keepingParts(inversion, calls, extraction.layers === true, parts));
		const { user, system } = process.cpuUsage(start);
		return { parts, millisecondsPerCall: (user + system) / 1000 / calls.length };
	};
};

const keepingParts = (
	{ manifest: { schedule, taps, mixingWeights } }: Inversion,
	calls: readonly ScheduleCall[],
	layers: boolean,
	parts: Part[],
): StepCollector => ({
	wanted: (saveKey) => {
		const row = schedule.saveTimesteps.indexOf(saveKey);
		if (row < 0) {
			return { layerWeights: undefined };
		}
		return layers
			? { layerWeights: undefined, tapOutputs: taps.map(({ output }) => output ?? '') }
			: { layerWeights: mixingWeights[row] };
	},
	add: (saveKey, { hyperfeatures, taps: maps }) => {
		const t = calls.find((call) => call.saveKey === saveKey)?.t;
		if (hyperfeatures !== undefined) {
			parts.push({ name: `sum@${t}`, map: toMap(hyperfeatures) });
		}
		for (const [index, map] of maps.entries()) {
			parts.push({ name: `layer-${index + 1}@${t}`, map: toMap(map) });
		}
	},
});
