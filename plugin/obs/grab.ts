import { stat } from 'node:fs/promises';
import type { ObsConnection } from './connection.js';
import { ObsError } from './obs-error.js';
import { saveToPaintOn } from './painting.js';

/**
 * Saves what a source (or scene; the one on air when undefined) shows now, at its own size, to paint the object on.
 *
 * @throws ObsError when the file exists and may not be replaced
 */
export const grab = async (
	obs: ObsConnection,
	source: string | undefined,
	path: string,
	overwrite: boolean,
): Promise<void> => {
	if (!overwrite && (await stat(path).catch(() => undefined)) !== undefined) {
		throw new ObsError(`"${path}" exists already; add --overwrite to replace it.`);
	}
	const sourceName = source ?? (await obs.call('GetCurrentProgramScene')).currentProgramSceneName;
	const { imageData } = await obs.call('GetSourceScreenshot', { sourceName, imageFormat: 'png' });
	await saveToPaintOn(Buffer.from(imageData.slice(imageData.indexOf(',') + 1), 'base64'), path);
};
