import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transform } from './answers.js';
import type { ObsConnection } from './connection.js';
import { ObsError } from './obs-error.js';

const LOADING_MS = 1000;
const LOADING_POLL_MS = 100;

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
	const names = scenes.map((scene) => scene.sceneName).reverse();
	if (!names.includes(wanted)) {
		throw new ObsError(`There is no scene "${wanted}" in OBS; there are ${names.join(', ')}.`);
	}
	return wanted;
};

const items = async (obs: ObsConnection, scene: string): Promise<{ name: string; id: number }[]> => {
	const { sceneItems } = await obs.call('GetSceneItemList', { sceneName: scene });
	return sceneItems.map((item) => ({ name: item.sourceName, id: item.sceneItemId }));
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

/** Above the anchor in the scene, where it is and as large. */
const placeAbove = async (obs: ObsConnection, scene: string, id: number, anchorId: number): Promise<void> => {
	const anchor = await transformOf(obs, scene, anchorId);
	const own = await loadedTransform(obs, scene, id);
	const sameSize = own.sourceWidth === anchor.sourceWidth && own.sourceHeight === anchor.sourceHeight;
	// OBS does not know the size of a file that has not been on air yet; a cut-out is as large as its clip.
	const unknown = own.sourceWidth === 0 || anchor.sourceWidth === 0;
	await obs.call('SetSceneItemTransform', {
		sceneName: scene,
		sceneItemId: id,
		sceneItemTransform: sameSize || unknown ? settable(anchor) : coveringTransform(anchor),
	});
	const order = (await items(obs, scene)).map((item) => item.id).filter((other) => other !== id);
	await obs.call('SetSceneItemIndex', {
		sceneName: scene,
		sceneItemId: id,
		sceneItemIndex: order.indexOf(anchorId) + 1,
	});
};

const transformOf = async (obs: ObsConnection, scene: string, id: number): Promise<Transform> => {
	const { sceneItemTransform } = await obs.call('GetSceneItemTransform', {
		sceneName: scene,
		sceneItemId: id,
	});
	return sceneItemTransform;
};

/** The transform once OBS has opened the item's file; gives up where it does not, as in a scene that is not on air. */
const loadedTransform = async (obs: ObsConnection, scene: string, id: number): Promise<Transform> => {
	let transform = await transformOf(obs, scene, id);
	for (let waited = 0; transform.sourceWidth === 0 && waited < LOADING_MS; waited += LOADING_POLL_MS) {
		await sleep(LOADING_POLL_MS);
		transform = await transformOf(obs, scene, id);
	}
	return transform;
};

/** What may be set: OBS computes the sizes itself, and takes no bounds below one pixel even where it uses none. */
const settable = ({ sourceWidth, sourceHeight, width, height, ...transform }: Transform) => ({
	...transform,
	boundsWidth: Math.max(1, transform.boundsWidth),
	boundsHeight: Math.max(1, transform.boundsHeight),
});

/** Covers what the anchor covers, for a file of another size: the anchor's own scale and crop would be wrong for it. */
const coveringTransform = ({ positionX, positionY, rotation, alignment, width, height }: Transform) => ({
	...{ positionX, positionY, rotation, alignment },
	boundsType: 'OBS_BOUNDS_STRETCH',
	boundsAlignment: 0,
	boundsWidth: Math.max(1, width),
	boundsHeight: Math.max(1, height),
});
