import { z } from 'zod';

/** As OBS calls things; nothing that it names is longer. */
const name = z.string().max(4096);
const id = z.int();
const side = z.number().nonnegative().max(65536);

const sceneSchema = z.object({ sceneName: name });
const itemSchema = z.object({ sourceName: name, sceneItemId: id });
const inputSchema = z.object({ inputName: name, inputKind: name });

/** obs-websocket's transform of an item of a scene; lengths in pixels of the canvas. */
const transformSchema = z.object({
	sourceWidth: z.number(),
	sourceHeight: z.number(),
	/** As shown: cropped and scaled. */
	width: z.number(),
	height: z.number(),
	positionX: z.number(),
	positionY: z.number(),
	rotation: z.number(),
	scaleX: z.number(),
	scaleY: z.number(),
	alignment: z.number(),
	boundsType: name,
	boundsAlignment: z.number(),
	boundsWidth: z.number(),
	boundsHeight: z.number(),
	cropLeft: z.number(),
	cropRight: z.number(),
	cropTop: z.number(),
	cropBottom: z.number(),
});
export type Transform = z.infer<typeof transformSchema>;

/** What each request is answered with: as much of it as is used. What listens at OBS's port need not be OBS. */
export const answers = {
	GetCurrentProgramScene: z.object({ currentProgramSceneName: name }),
	GetSourceScreenshot: z.object({ imageData: z.string().startsWith('data:image/png;base64,') }),
	GetSceneList: z.object({ currentProgramSceneName: name, scenes: z.array(sceneSchema).max(10_000) }),
	GetSceneItemList: z.object({ sceneItems: z.array(itemSchema).max(10_000) }),
	GetInputList: z.object({ inputs: z.array(inputSchema).max(10_000) }),
	CreateInput: z.object({ sceneItemId: id }),
	CreateSceneItem: z.object({ sceneItemId: id }),
	GetVideoSettings: z.object({ baseWidth: side, baseHeight: side }),
	GetSceneItemTransform: z.object({ sceneItemTransform: transformSchema }),
} as const;

/** A file that OBS says it has written. */
export const recordedPath = z
	.string()
	.min(1)
	.max(32_768)
	.refine((path) => !path.includes('\0'));
