import { existsSync } from 'node:fs';
import { UserError } from '../errors.js';
import { principalComponents } from '../hyperfeatures/principal-components.js';
import { writeFileAtomically } from '../media/atomic-file.js';
import { readImage, writeImage } from '../media/image.js';
import { formatNpy } from '../models/npy.js';
import { loadPreset } from '../presets/load-preset.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { openEngine } from './open-engine.js';

export type FeaturesJob = RuntimeOptions & {
	readonly model?: string | undefined;
	/** Preset whose model and recipe are used; a model that is named wins over the preset's. */
	readonly preset?: string | undefined;
	/** `.npy`, float32 [1, C, H, W], as aggregated and not normalised. */
	readonly output?: string | undefined;
	/** A picture of the map's three principal components, a pixel for each cell. */
	readonly pca?: string | undefined;
	readonly overwrite?: boolean | undefined;
};

/** Writes one image's descriptor map. */
export const exportFeatures = async (imagePath: string, job: FeaturesJob): Promise<void> => {
	for (const path of [job.output, job.pca]) {
		if (path !== undefined && job.overwrite !== true && existsSync(path)) {
			throw new UserError(`"${path}" exists; add --overwrite to replace it.`);
		}
	}
	const image = await readImage(imagePath);
	const preset = await loadPreset(job.preset);
	const engine = await openEngine(job.model ?? preset.model, {
		device: job.device,
		threads: job.threads,
		features: preset.features,
	});
	try {
		const map = await engine.extractor.extract(image);
		if (job.output !== undefined) {
			await writeFileAtomically(job.output, formatNpy(map.data, [1, map.channels, map.height, map.width]));
		}
		if (job.pca !== undefined) {
			await writeImage(job.pca, principalComponents(map));
		}
	} finally {
		await engine.close();
	}
};
