import type { Raster } from '../core/frame.js';
import { ClickDecoder } from '../masks/hints/click-decoder.js';
import type { HintedImage } from '../masks/hints/hinted-image.js';
import { bundledClicksFolder } from '../models/click-manifest.js';
import type { RuntimeOptions } from '../runtime/session.js';

export type { Hints, Stroke } from '../masks/hints/hints.js';

/** Turns clicks, strokes and boxes into masks. */
export type Marker = {
	/** Looks at an image once; its masks then take a moment each. Close it to free what is kept of it. @param image as displayed */
	open(image: Raster<3>): Promise<HintedImage>;
	close(): Promise<void>;
};

/**
 * Opens the engine for marking objects by hints; its graphs are loaded with the first image.
 *
 * @throws UserError, from `open`, for a device that can't be used
 */
export const openMarker = async (options: RuntimeOptions = {}): Promise<Marker> => {
	const decoder = await ClickDecoder.open(bundledClicksFolder(), options);
	return { open: (image) => decoder.look(image), close: () => decoder.close() };
};
