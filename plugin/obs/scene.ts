import { resolve } from 'node:path';
import type { ObsConnection } from './connection.js';
import { ObsError } from './obs-error.js';

export type Placement = {
	/** Scene to put the result into; the one on air when undefined. */
	readonly scene: string | undefined;
	/** Name of the media source, made when missing. */
	readonly source: string;
	/** A source of the scene: the result goes right above it, where it is and as large. */
	readonly above?: string | undefined;
	/** As `above`, and the source is hidden. */
	readonly insteadOf?: string | undefined;
};

/**
 * Shows a video file with alpha in a scene, as a looping media source. A source of the same name is given the new file.
 *
 * @returns the scene it is in
 * @throws ObsError when there is no such scene or source
 */
export const showInScene = async (
	obs: ObsConnection,
	file: string,
	placement: Placement,
): Promise<string> => {
	const scene = await sceneName(obs, placement.scene);
	const anchor = placement.insteadOf ?? placement.above;
	const anchorId = anchor === undefined ? undefined : await itemId(obs, scene, anchor);
	const id = await mediaItem(obs, scene, placement.source, resolve(file));
	if (anchorId === undefined) {
		await fillCanvas(obs, scene, id);
	} else {
		await placeAbove(obs, scene, id, anchorId);
		if (placement.insteadOf !== undefined) {
			await obs.call('SetSceneItemEnabled', {
				sceneName: scene,
				sceneItemId: anchorId,
				sceneItemEnabled: false,
			});
		}
	}
	return scene;
};

const sceneName = async (obs: ObsConnection, wanted: string | undefined): Promise<string> => {
	const { scenes, currentProgramSceneName } = await obs.call('GetSceneList');
	if (wanted === undefined) {
		return currentProgramSceneName;
	}
	const names = scenes.map((scene) => String(scene.sceneName)).reverse();
	if (!names.includes(wanted)) {
		throw new ObsError(`There is no scene "${wanted}" in OBS; there are ${names.join(', ')}.`);
	}
	return wanted;
};

const items = async (obs: ObsConnection, scene: string): Promise<{ name: string; id: number }[]> => {
	const { sceneItems } = await obs.call('GetSceneItemList', { sceneName: scene });
	return sceneItems.map((item) => ({ name: String(item.sourceName), id: Number(item.sceneItemId) }));
};

const itemId = async (obs: ObsConnection, scene: string, source: string): Promise<number> => {
	const all = await items(obs, scene);
	const found = all.find((item) => item.name === source);
	if (!found) {
		const names = all.map((item) => item.name).join(', ') || 'none';
		throw new ObsError(`There is no source "${source}" in the scene "${scene}"; its sources: ${names}.`);
	}
	return found.id;
};

/** The scene's item of the media source, playing `file`. */
const mediaItem = async (
	obs: ObsConnection,
	scene: string,
	source: string,
	file: string,
): Promise<number> => {
	const inputSettings = { is_local_file: true, local_file: file, looping: true };
	const { inputs } = await obs.call('GetInputList');
	const input = inputs.find((known) => known.inputName === source);
	if (!input) {
		const made = await obs.call('CreateInput', {
			sceneName: scene,
			inputName: source,
			inputKind: 'ffmpeg_source',
			inputSettings,
		});
		return made.sceneItemId;
	}
	if (input.inputKind !== 'ffmpeg_source') {
		throw new ObsError(`"${source}" is a source of another kind in OBS; choose another name with --source.`);
	}
	await obs.call('SetInputSettings', { inputName: source, inputSettings });
	const present = (await items(obs, scene)).find((item) => item.name === source);
	return (
		present?.id ?? (await obs.call('CreateSceneItem', { sceneName: scene, sourceName: source })).sceneItemId
	);
};

/** A recording shows the canvas, so its cut-out belongs over all of the canvas, however large the recording is. */
const fillCanvas = async (obs: ObsConnection, scene: string, id: number): Promise<void> => {
	const { baseWidth, baseHeight } = await obs.call('GetVideoSettings');
	await obs.call('SetSceneItemTransform', {
		sceneName: scene,
		sceneItemId: id,
		sceneItemTransform: {
			positionX: 0,
			positionY: 0,
			boundsType: 'OBS_BOUNDS_SCALE_INNER',
			boundsAlignment: 0,
			boundsWidth: baseWidth,
			boundsHeight: baseHeight,
		},
	});
};

const placeAbove = async (obs: ObsConnection, scene: string, id: number, anchorId: number): Promise<void> => {
	const { sceneItemTransform } = await obs.call('GetSceneItemTransform', {
		sceneName: scene,
		sceneItemId: anchorId,
	});
	const { positionX, positionY, rotation, alignment, width, height } = sceneItemTransform;
	await obs.call('SetSceneItemTransform', {
		sceneName: scene,
		sceneItemId: id,
		// Bounds of the size at which the anchor is shown: its own scale would be wrong for a file of another size.
		sceneItemTransform: {
			positionX: Number(positionX),
			positionY: Number(positionY),
			rotation: Number(rotation),
			alignment: Number(alignment),
			boundsType: 'OBS_BOUNDS_STRETCH',
			boundsAlignment: 0,
			boundsWidth: Math.max(1, Number(width)),
			boundsHeight: Math.max(1, Number(height)),
		},
	});
	const order = (await items(obs, scene)).map((item) => item.id).filter((other) => other !== id);
	await obs.call('SetSceneItemIndex', {
		sceneName: scene,
		sceneItemId: id,
		sceneItemIndex: order.indexOf(anchorId) + 1,
	});
};
