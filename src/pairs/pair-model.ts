import { type BackwardFlow, emptyFlow } from '../core/backward-flow.js';
import { bilinearAt, resizeBilinear } from '../core/bilinear.js';
import type { Raster } from '../core/frame.js';
import type { Point } from '../core/point.js';
import { cellsFromPixels, type Size } from '../core/size.js';
import { preprocess } from '../features/preprocess.js';
import { loadGraph } from '../models/load-graph.js';
import type { FlowConvention, Manifest } from '../models/manifest.js';
import type { InstalledPairModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';

/** Matches two images by a network of its own, without descriptors: the supervised rows of the paper's table 1. */
export type PairModel = {
	/** Where every pixel of the target comes from in the source. */
	backwardFlow(source: Raster<3>, target: Raster<3>): Promise<BackwardFlow>;
	/** Where points of the source lie in the target; pixels of the images as displayed. */
	matchPoints(source: Raster<3>, target: Raster<3>, points: readonly Point[]): Promise<Point[]>;
	close(): Promise<void>;
};

/** Where each cell of an image's grid lies in the other image, in pixels of that. */
type PositionField = Size & { readonly x: Float32Array; readonly y: Float32Array };

/** How a pair model wants its images. */
export const pairInput = ({ manifest: { image } }: InstalledPairModel): Manifest['image'] => ({
	resize: { mode: 'fixed', width: image.side, height: image.side },
	mean: image.mean,
	std: image.std,
});

export const openPairModel = async (model: InstalledPairModel, runtime: Runtime): Promise<PairModel> => {
	const { image, flow, graph } = model.manifest;
	const session = await loadGraph(model, runtime, graph);
	const settings = pairInput(model);

	/** Field over the cells of `of`, positions in `into`. */
	const fieldOver = async (of: Raster<3>, into: Raster<3>): Promise<PositionField> => {
		const [source, target] = flow.grid === 'target' ? [into, of] : [of, into];
		const { flow: values } = await session.run({
			source: preprocess(source, settings),
			target: preprocess(target, settings),
		});
		const [, two, height = 0, width = 0] = values?.dims ?? [];
		if (values?.type !== 'float32' || two !== 2) {
			throw new Error(`The pair model returned [${values?.dims.join(', ')}], expected a flow [1, 2, h, w].`);
		}
		const cells = height * width;
		const axis = (data: Float32Array, count: number, position: (i: number) => number, pixels: number) =>
			data.map((value, i) => positionIn(value, position(i), count, image.side, pixels, flow));
		return {
			height,
			width,
			x: axis(values.data.slice(0, cells), width, (i) => i % width, into.width),
			y: axis(values.data.slice(cells), height, (i) => Math.floor(i / width), into.height),
		};
	};

	return {
		backwardFlow: async (source, target) => {
			const field = await fieldOver(target, source);
			const result = emptyFlow(target);
			const enlarged = (data: Float32Array): Float32Array =>
				resizeBilinear(data, 1, field.height, field.width, target.height, target.width);
			const [x, y] = [enlarged(field.x), enlarged(field.y)];
			for (let pixel = 0; pixel < x.length; pixel++) {
				result.positions[pixel * 2] = x[pixel]!;
				result.positions[pixel * 2 + 1] = y[pixel]!;
			}
			result.confidence.fill(1);
			return result;
		},
		matchPoints: async (source, target, points) => {
			const field = await fieldOver(source, target);
			return points.map(([x, y]) => {
				const column = cellsFromPixels(x, source.width, field.width);
				const row = cellsFromPixels(y, source.height, field.height);
				return [bilinearAt(field.x, field, column, row), bilinearAt(field.y, field, column, row)];
			});
		},
		close: () => session.release(),
	};
};

/**
 * One coordinate of a flow's value in pixels of the other image.
 *
 * @param cell the value's own place on the flow's grid of `cells` along this axis
 * @param side of the network's input; @param pixels of the other image along this axis
 */
const positionIn = (
	value: number,
	cell: number,
	cells: number,
	side: number,
	pixels: number,
	{ values, units }: FlowConvention,
): number => {
	const centre = (cell + 0.5) / cells;
	if (units === 'normalised') {
		// -1 and 1 are the centres of the outermost pixels of the input.
		const own = values === 'displacement' ? (2 * (centre * side - 0.5)) / (side - 1) - 1 : 0;
		const inputPixel = ((value + own + 1) * (side - 1)) / 2;
		return ((inputPixel + 0.5) / side) * pixels - 0.5;
	}
	const scale = units === 'cells' ? cells : side;
	const share = values === 'displacement' ? centre + value / scale : (value + 0.5) / scale;
	return share * pixels - 0.5;
};
