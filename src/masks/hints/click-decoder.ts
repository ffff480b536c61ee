import type { Raster } from '../../core/frame.js';
import { pathInside } from '../../core/path-inside.js';
import { preprocess } from '../../features/preprocess.js';
import { loadGraph } from '../../models/load-graph.js';
import { bundledClicksFolder } from '../../models/manifest.js';
import { type InstalledClickDecoder, readClicksFolder } from '../../models/model-folder.js';
import { inlineWeights, pruneUnused, valueFrom } from '../../onnx/edit.js';
import { readModel } from '../../onnx/read-model.js';
import { encodeModel } from '../../onnx/write-model.js';
import { openRuntime } from '../../runtime/onnx-runtime.js';
import type { Feeds, ResidentTensor, Runtime, RuntimeOptions, Session } from '../../runtime/session.js';
import { HintedImage, type View } from './hinted-image.js';
import { crop, type Region } from './region.js';

/** A strip is not enlarged until its short side fits. */
const MOST_ELONGATED = 4;
/** The encoder's coarsest stride. */
const STRIDE = 32;

const sideOf = (length: number): number => Math.max(STRIDE, Math.round(length / STRIDE) * STRIDE);

type Sessions = { readonly encode: Session; readonly prepare: Session; readonly decode: Session };

/** Turns clicks, strokes and boxes into masks. */
export type Marker = {
	/**
	 * Looks at an image once; its masks then take a moment each. Close it to free what the runtime keeps of it.
	 *
	 * @param image as displayed
	 * @throws UserError when the graphs or the device can't be used
	 */
	open(image: Raster<3>): Promise<HintedImage>;
	close(): Promise<void>;
};

/** Opens the engine for marking objects by hints; its graphs are loaded with the first image. */
export const openMarker = async (options: RuntimeOptions = {}): Promise<Marker> =>
	new ClickDecoder(await readClicksFolder(bundledClicksFolder()), options);

/**
 * Finds what a user points at, with a decoder that was trained on simulated clicks (as RITM, Sofiiuk et al. 2021) and stands on the
 * recognition encoder's maps.
 */
class ClickDecoder implements Marker {
	readonly #runtime: Runtime;
	#sessions: Promise<Sessions> | undefined;

	constructor(
		private readonly installed: InstalledClickDecoder,
		options: RuntimeOptions,
	) {
		this.#runtime = openRuntime(options);
	}

	async open(image: Raster<3>): Promise<HintedImage> {
		const { shortSide, closeUpSide } = this.installed.manifest;
		const whole = { left: 0, top: 0, width: image.width, height: image.height };
		const scale = Math.min(
			shortSide / Math.min(whole.width, whole.height),
			(MOST_ELONGATED * shortSide) / Math.max(whole.width, whole.height),
		);
		this.#sessions ??= this.#load();
		const { decode } = await this.#sessions;
		const closeUp = (region: Region): Promise<View> =>
			this.#view(image, region, closeUpSide / Math.sqrt(region.width * region.height));
		return new HintedImage(image, await this.#view(image, whole, scale), closeUp, decode);
	}

	async close(): Promise<void> {
		await this.#runtime.close();
	}

	async #view(image: Raster<3>, region: Region, scale: number): Promise<View> {
		this.#sessions ??= this.#load();
		const { encode, prepare } = await this.#sessions;
		const [width, height] = [sideOf(region.width * scale), sideOf(region.height * scale)];
		const resize = { mode: 'fixed', width, height } as const;
		const input = preprocess(crop(image, region), { ...this.installed.model.manifest.image, resize });
		const taps = await encode.runResident({ sample: input });
		const feeds = prepare.inputs.map(({ name }, at): [string, ResidentTensor | undefined] => [
			name,
			taps[this.installed.manifest.taps[at] ?? ''],
		]);
		const maps = await prepare.runResident(Object.fromEntries(feeds) as Feeds);
		this.#runtime.free(...Object.values(taps));
		const free = (): void => this.#runtime.free(...Object.values(maps));
		return { region, grid: { width: width / 2, height: height / 2 }, maps, free };
	}

	async #load(): Promise<Sessions> {
		const { manifest, model } = this.installed;
		const whole = readModel(pathInside(model.folder, model.manifest.graph));
		const outputs = manifest.taps.map((name) => valueFrom({ name, type: 'float32' }));
		const encoder = encodeModel(inlineWeights(pruneUnused({ ...whole, outputs })), (path) => path);
		const [encode, prepare, decode] = await Promise.all([
			this.#runtime.load(encoder),
			loadGraph(this.installed, this.#runtime, manifest.prepare),
			loadGraph(this.installed, this.#runtime, manifest.decode),
		]);
		return { encode, prepare, decode };
	}
}
