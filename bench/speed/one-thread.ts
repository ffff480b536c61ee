import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import type { Frame } from '../../src/core/frame.js';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { BlockMatcher } from '../../src/matching/block-matcher.js';
import { openClip } from '../../src/media/clip.js';
import { findModel } from '../../src/models/registry.js';
import type { Preset } from '../../src/presets/preset.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { fastStepFlops, stepFlops } from '../stages/graph-flops.js';
import { openPeakProduct } from '../stages/machine-peak.js';
import { median } from '../table.js';

/** Operations of a frame in each precision. */
type Flops = { readonly float32: number; readonly int8: number; readonly int16: number };

/** A stage beside the ceilings that were measured in the same rounds. */
export type StageShare = {
	readonly name: string;
	readonly flops: Flops;
	/** CPU milliseconds of a frame, for each round. */
	readonly milliseconds: readonly number[];
	/** Share of the ceiling of the precision used, and of the float32 one for everything. */
	readonly ofOwnCeiling: number;
	readonly ofFloatCeiling: number;
};

export type OneThreadReport = {
	/** GFLOP/s of one large matrix product on one thread: the best of the rounds. */
	readonly peaks: { readonly float32: number; readonly int8: number };
	readonly stages: readonly StageShare[];
	/** Operations of an exact search in the same windows, which candidates save. */
	readonly exactMatchingFlops: number;
};

const cpuMilliseconds = async (work: () => unknown): Promise<number> => {
	const start = process.cpuUsage();
	await work();
	const { user, system } = process.cpuUsage(start);
	return (user + system) / 1000;
};

/**
 * Inversion and matching of one frame on one thread each, as they run in the program on two cores, beside the runtime's own
 * matrix product on one thread: in turns, so that all of them see the same machine, and in CPU time, which leaves out what other
 * programs take. Matching is that against the keyframe and the recent frames, without the shortcut for places whose class is
 * certain, so that its operations are known.
 *
 * The ceiling of 16-bit integers is taken to be the float32 one: the runtime has no product of 16-bit integers.
 */
export const measureOneThread = async (
	clipPath: string,
	modelName: string | undefined,
	{ precision, propagation }: Preset,
	rounds: number,
): Promise<OneThreadReport> => {
	const model = await findModel(modelName);
	const clip = await openClip(clipPath);
	const { recentFrames, radius, keyframeRadius, topK, candidates } = propagation;
	const frames: Frame[] = [];
	for await (const frame of clip.frames({})) {
		// A keyframe, the recent ones, and the one in question.
		if (frames.push(frame) === recentFrames + 2) {
			break;
		}
	}
	const runtime = openRuntime({ device: 'cpu', threads: 1 });
	try {
		const isFast = precision === 'fast' && model.manifest.fastGraph !== undefined;
		const ofModel = isFast
			? await fastStepFlops(model, clip.info, runtime)
			: { float32: await stepFlops(model, clip.info, runtime), int8: 0 };
		const extractor = openExtractor(model, runtime, { precision });
		const maps: DescriptorMap[] = [];
		for (const frame of frames) {
			maps.push(await extractor.extract(frame.image));
		}
		const image = (frames.at(-1) as Frame).image;
		const map = maps.at(-1) as DescriptorMap;
		const reach = (cells: number | null): number => cells ?? Number.POSITIVE_INFINITY;
		/** The searches of one frame, and the operations of their products. */
		const openSearches = (chosen: number | null) => {
			const matcher = new BlockMatcher(map, map.channels, { k: topK, candidates: chosen ?? undefined });
			const [keyframe, ...recent] = maps.slice(0, -1).map((each) => matcher.store(each));
			const query = matcher.store(map);
			if (keyframe === undefined || recent.length < recentFrames) {
				throw new Error(`The clip has fewer than ${recentFrames + 2} frames.`);
			}
			const run = (): void => {
				matcher.match(query, [{ descriptors: keyframe, radius: reach(keyframeRadius) }]);
				matcher.match(
					query,
					recent.map((descriptors) => ({ descriptors, radius: reach(radius) })),
				);
			};
			run();
			return { run, flops: 2 * 4 * 4 * map.channels * matcher.multiplied };
		};
		const searches = openSearches(candidates);
		const int16 = searches.flops;

		const products = {
			float32: await openPeakProduct(runtime, 'float32'),
			int8: await openPeakProduct(runtime, 'int8'),
		};
		const works = {
			float32: products.float32.run,
			int8: products.int8.run,
			inversion: () => extractor.extract(image),
			matching: searches.run,
		};
		type Work = keyof typeof works;
		const times: Record<Work, number[]> = { float32: [], int8: [], inversion: [], matching: [] };
		// The first round warms up.
		for (let round = 0; round <= rounds; round++) {
			for (const name of Object.keys(works) as Work[]) {
				const time = await cpuMilliseconds(works[name]);
				if (round > 0) {
					times[name].push(time);
				}
			}
		}
		const peaks = {
			float32: products.float32.flops / Math.min(...times.float32) / 1e6,
			int8: products.int8.flops / Math.min(...times.int8) / 1e6,
		};
		const stage = (name: string, flops: Flops, milliseconds: readonly number[]): StageShare => {
			const atFloatPeak = (count: number): number => count / peaks.float32 / 1e6;
			const ideal = atFloatPeak(flops.float32 + flops.int16) + flops.int8 / peaks.int8 / 1e6;
			const time = median(milliseconds);
			return {
				...{ name, flops, milliseconds },
				ofOwnCeiling: ideal / time,
				ofFloatCeiling: atFloatPeak(flops.float32 + flops.int16 + flops.int8) / time,
			};
		};
		return {
			peaks,
			exactMatchingFlops: openSearches(null).flops,
			stages: [
				stage('inversion', { ...ofModel, int16: 0 }, times.inversion),
				stage('matching', { float32: 0, int8: 0, int16 }, times.matching),
				stage(
					'both',
					{ ...ofModel, int16 },
					times.inversion.map((time, round) => time + (times.matching[round] ?? Number.NaN)),
				),
			],
		};
	} finally {
		await runtime.close();
	}
};
