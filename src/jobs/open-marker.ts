import type { Raster } from '../core/frame.js';
import { HintedImage } from '../masks/hints/hinted-image.js';
import { loadPreset } from '../presets/load-preset.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { openStoredEngine } from './open-engine.js';

export type { Hints } from '../masks/hints/hinted-image.js';

export type MarkerOptions = RuntimeOptions & {
	readonly model?: string | undefined;
	/** False: descriptors are neither read from nor left on disk. */
	readonly cache?: boolean | undefined;
};

/** Turns a few points or a box into a mask that sits on the image's edges. */
export type Marker = {
	/** Looks at an image once; its masks then take a moment each. @param image as displayed */
	open(image: Raster<3>): Promise<HintedImage>;
	close(): Promise<void>;
};

/**
 * Opens the engine for marking objects by hints; the model is loaded with the first image.
 *
 * @throws UserError for an unknown model or a device that can't be used
 */
export const openMarker = async ({ model, cache, ...options }: MarkerOptions = {}): Promise<Marker> => {
	const { model: usual, precision, features, propagation } = await loadPreset(undefined);
	const engine = await openStoredEngine(
		model ?? usual,
		{ ...options, precision, features, whenNeeded: true },
		{ folder: cache === false ? null : undefined },
	);
	return {
		open: async (image) =>
			new HintedImage(image, await engine.extractor.extract(image), propagation.refinement),
		close: () => engine.close(),
	};
};
