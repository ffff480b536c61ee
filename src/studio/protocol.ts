import { z } from 'zod';

/**
 * What page and server say to each other. The page imports nothing but types from here, so that what checks requests stays with the server.
 */

/** One of the things that are marked. */
export const objectSchema = z.strictObject({
	id: z.int().min(1).max(255),
	name: z.string().trim().min(1).max(80),
	colour: z.string().regex(/^#[0-9a-f]{6}$/),
});
export type MarkedObject = z.infer<typeof objectSchema>;

export const qualitySchema = z.enum(['fast', 'balanced', 'best']);

/** What can be changed of a project besides its painted frames. */
export const settingsSchema = z.strictObject({
	objects: z.exactOptional(z.array(objectSchema).min(1).max(255)),
	/** First frame that is used, and the first that is not used any more; null: the clip's own. */
	start: z.exactOptional(z.int().min(0).nullable()),
	end: z.exactOptional(z.int().min(1).nullable()),
	quality: z.exactOptional(qualitySchema),
});
export type ProjectSettings = z.infer<typeof settingsSchema>;

/** How an edit moves with what it lies on, as `--edit-mode` has it. */
export const editModeSchema = z.enum(['dense', 'planar', 'affine']);

/** Where a sticker lies: its middle, in pixels of the clip; pixels of the clip for one of its own; degrees, clockwise. */
export const placeSchema = z.strictObject({
	x: z.number().min(-1e5).max(1e5),
	y: z.number().min(-1e5).max(1e5),
	scale: z.number().min(1e-3).max(1e3),
	angle: z.number().min(-360).max(360),
});
export type Place = z.infer<typeof placeSchema>;

/** What can be changed of an edit. */
export const editChangeSchema = z.strictObject({
	place: z.exactOptional(placeSchema),
	mode: z.exactOptional(editModeSchema),
	relight: z.exactOptional(z.boolean()),
	behind: z.exactOptional(z.boolean()),
});
export type EditChange = z.infer<typeof editChangeSchema>;

/** What a picture is loaded with: the frame it belongs to, and the box that a sticker is put into. */
export const newEditSchema = z.strictObject({
	frame: z.coerce.number<string>().int().min(0).max(1e7),
	name: z.string().min(1).max(255),
	basis: z.coerce.number<string>().int().min(0),
	x: z.coerce.number<string>().min(0).max(1e5),
	y: z.coerce.number<string>().min(0).max(1e5),
	size: z.coerce.number<string>().min(1).max(1e5),
});
export type NewEdit = z.infer<typeof newEditSchema>;

export const runSchema = z.strictObject({ what: z.enum(['masks', 'edit']).default('masks') });

export const openSchema = z.union([
	/** A clip or a project. */
	z.strictObject({ path: z.string().min(1).max(4096) }),
	z.strictObject({ sample: z.string().regex(/^[a-z][a-z0-9-]*$/) }),
	z.strictObject({ upload: z.uuid() }),
	/** A project that has been open before. */
	z.strictObject({ project: z.uuid() }),
]);
export type OpenRequest = z.infer<typeof openSchema>;

const pointSchema = z.tuple([z.number().min(-1e6).max(1e6), z.number().min(-1e6).max(1e6)]);

const strokesSchema = z.array(z.array(pointSchema).min(1).max(500)).max(200);

/** Strokes on the object and on what is not, as points in pixels of the clip (centres at integers), or a box around it. */
export const hintsSchema = z.strictObject({
	object: strokesSchema,
	background: strokesSchema,
	box: z.exactOptional(z.tuple([z.number(), z.number(), z.number(), z.number()])),
	/** What strokes correct: [height * width] 1 on the object, deflated. */
	mask: z.exactOptional(z.base64()),
	/** Of it, all stays that does not hang together with what strokes change. */
	keep: z.exactOptional(z.boolean()),
});
export type FrameHints = z.infer<typeof hintsSchema>;

export const exportSchema = z.strictObject({
	/** A format's name; with `editor`, its own. */
	format: z.string().min(1).max(40).optional(),
	editor: z.string().min(1).max(40).optional(),
	/** A folder or file; relative ones are in the project's folder `exports`. A name that is free when omitted. */
	output: z.string().min(1).max(4096).optional(),
	overwrite: z.boolean().default(false),
	/** With the edit in the picture; formats of edits have it anyway. */
	edit: z.boolean().default(false),
});
export type ExportRequest = z.input<typeof exportSchema>;

/** A painted frame. */
export type PaintedFrame = {
	readonly frame: number;
	/** Another one for every painting: whoever saves says which one theirs began with. */
	readonly revision: number;
	/** A mask that had been found before it was painted over is kept, to be compared with. */
	readonly hasBefore: boolean;
};

/** A picture that is carried through the clip. */
export type EditState = {
	/** Another one for every change: whoever changes it says which one theirs began with. */
	readonly revision: number;
	/** Of the file that was loaded. */
	readonly name: string;
	/** The frame that it was made on; it is carried from there on. */
	readonly frame: number;
	/** A picture of the clip's size, or one that is placed. */
	readonly kind: 'picture' | 'sticker';
	/** Of the picture, in its own pixels. */
	readonly width: number;
	readonly height: number;
	readonly place: Place;
	readonly mode: z.infer<typeof editModeSchema>;
	readonly relight: boolean;
	/** It goes with the background, and the objects are in front of it. */
	readonly behind: boolean;
	/** First frame that it has not been carried to; `frame` where it has been carried nowhere. */
	readonly carriedTo: number;
	/** False: edit, masks or quality have been changed since it was carried. */
	readonly isCurrent: boolean;
};

/** What became of a painting. */
export type PaintingKept = {
	/** Of the frame, as it is now; 0 where it is not painted. */
	readonly revision: number;
	/** Of the project. */
	readonly version: number;
	/** False: somebody else has painted on the frame meanwhile, and what is there stays. */
	readonly isKept: boolean;
};

/** How frames' pictures come along. */
export type FramesReady = {
	readonly ready: number;
	/** Exact when `complete`, before that what the file says. */
	readonly total: number;
	readonly complete: boolean;
	/** Why there are no more. */
	readonly failure?: string | undefined;
};

export type ProjectState = {
	readonly id: string;
	/** Grows with every change: news may come late, and what is older than what is known is none. */
	readonly version: number;
	readonly name: string;
	/** Absolute. */
	readonly folder: string;
	readonly clip: string;
	readonly width: number;
	readonly height: number;
	readonly frameRate: number;
	readonly objects: readonly MarkedObject[];
	readonly start: number | null;
	readonly end: number | null;
	readonly quality: z.infer<typeof qualitySchema>;
	readonly painted: readonly PaintedFrame[];
	/** Of each frame that has a mask that was found: 0..1, how far it can be trusted. */
	readonly confidence: Readonly<Record<number, number>>;
	/** Frames whose masks were found before something was painted that changes them: from, and the first that is right again. */
	readonly outdated: readonly (readonly [number, number])[];
	readonly frames: FramesReady;
	readonly edit: EditState | null;
	/** What should be known of the clip: missing numbers, pictures left out. */
	readonly notes: readonly string[];
};

export type RunState = {
	readonly state: 'idle' | 'starting' | 'running' | 'paused';
	/** What is found, or carried. */
	readonly what: 'masks' | 'edit';
	/** Frames of this run that have come. */
	readonly done: number;
	/** Computed in it, not found by earlier ones. */
	readonly computed: number;
	/** Why the last run ended before it was done. */
	readonly failure?: string | undefined;
};

export type ExportState = {
	readonly state: 'idle' | 'running' | 'done' | 'failed' | 'cancelled';
	readonly done: number;
	readonly total: number;
	/** What was written, absolute. */
	readonly outputs: readonly string[];
	/** How the editor opens it. */
	readonly advice?: string | undefined;
	readonly failure?: string | undefined;
};

/** What the server tells of its own accord, to every page that shows the project. */
export type StudioEvent =
	| { readonly type: 'project'; readonly project: ProjectState }
	| { readonly type: 'frames'; readonly frames: FramesReady }
	| { readonly type: 'run'; readonly run: RunState }
	| { readonly type: 'mask'; readonly frame: number; readonly confidence: number; readonly painted: boolean }
	| { readonly type: 'edited'; readonly frame: number }
	| { readonly type: 'export'; readonly export: ExportState };

export type RecentProject = {
	readonly id: string;
	readonly name: string;
	readonly folder: string;
	readonly openedAt: string;
};

type FormatChoice = { readonly name: string; readonly about: string; readonly kind: string };
type EditorChoice = {
	readonly name: string;
	readonly program: string;
	readonly format: string;
	readonly colour: string;
	readonly howToOpen: string;
};

/** What may be brought in by way of the page, all files of a clip together. */
export type UploadLimits = { readonly gigabytes: number; readonly files: number };

/** What the page shows before a project is open. */
export type StudioState = {
	readonly version: string;
	/** Opened when the address names none: the clip of the command line. */
	readonly first: string | undefined;
	readonly samples: readonly string[];
	readonly recent: readonly RecentProject[];
	readonly formats: readonly FormatChoice[];
	readonly editors: readonly EditorChoice[];
	readonly projectsFolder: string;
	readonly limits: UploadLimits;
};

/** Says which kind of mask a response with ids is. */
export const MASK_KIND = 'x-mask-kind';
export type MaskKind = 'painted' | 'found' | 'none';
