import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Frame, LabelMap, Raster } from '../core/frame.js';
import type { PaintedFile } from '../core/painted-file.js';
import { referenceColours } from '../core/reference-colours.js';
import { carryEdits, type FrameEdit } from '../edits/carry-edit.js';
import { inFront } from '../edits/composite-edit.js';
import { readEdit } from '../edits/edit-layer.js';
import { LooseFrames } from '../edits/loose-pieces.js';
import { type MatteOptions, MattesBefore, matteSettingsSchema, mattesOf } from '../mattes/mattes.js';
import { davisPalette } from '../media/davis-palette.js';
import { RunFrames } from '../media/run-frames.js';
import type { MeshMotion } from '../motion/mesh-tracker.js';
import { openFrameStore } from '../store/frame-store.js';
import { fingerprint } from '../store/run-identity.js';
import type { PropagateClipJob, PropagateClipResult } from './clip-job.js';
import { resolveEditOutputs } from './clip-outputs.js';
import type { RunFrame } from './mask-frames.js';
import type { RunInputs } from './open-run.js';
import { frameOf, type RunKind, runClip, type StepTools, type WrittenFrame } from './run-clip.js';

/** What is carried, and how. */
export type EditOptions = {
	/**
	 * The edited first frame, or a layer of its size; or several, with the frames that they belong to. Undefined with
	 * `colourMap`.
	 */
	readonly edit?: string | readonly PaintedFile[] | undefined;
	/** Carry a map of colours instead, which shows where everything comes from. */
	readonly colourMap?: boolean | undefined;
	/** Default: `dense`. */
	readonly mode?: MeshMotion | undefined;
	readonly relight: boolean;
	readonly linearLight: boolean;
	/** The edit goes with the background, and the masks' objects are in front of it. */
	readonly behind?: boolean | undefined;
	/** How the objects' edges are found then. */
	readonly matte?: MatteOptions | undefined;
	/** Called before work begins, with what each edit was understood to be. */
	readonly onEdit?: ((edit: UnderstoodEdit) => void) | undefined;
};

/** What an edit was understood to be, for the person to see whether it was. */
export type UnderstoodEdit = PaintedFile & {
	/** A layer with transparency, or a frame that was changed. */
	readonly kind: 'layer' | 'frame';
	/** Of the frame's pixels, 0..1: what it covers or changes. */
	readonly share: number;
};

export type PropagateEditJob = PropagateClipJob & EditOptions;

/**
 * Carries edits of a clip's frames through all of it and writes the results: what `propagate <clip> --edit <png>`
 * does. With masks, the edit goes with the object that it lies on, and behind what hides that. See {@link runClip}.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateEdit = (job: PropagateEditJob): Promise<PropagateClipResult> =>
	runClip(job, kindOfEdit(job));

/** What makes a run one that carries an edit. */
export const kindOfEdit = (job: PropagateEditJob): RunKind => ({
	openStep: async (inputs, first) => {
		if (job.behind === true && job.masks.length === 0) {
			throw new UserError('--behind needs to know what is in front; give a mask of it with --mask.');
		}
		const edits = await readEdits(job, inputs, first);
		return {
			identity: editFingerprint(job, edits),
			ofMasksOnly: false,
			run: (frames, tools) => {
				for (const edit of edits) {
					tellEdit(job, edit);
				}
				return editFrames(job, edits, inputs, frames, tools);
			},
		};
	},
	resolveOutputs: (clip) => resolveEditOutputs(clip, job.outputs, job.format, job.masks.length > 0),
	describesFrames: true,
	edits: editFilesOf(job),
});

/** The edited frames that are given, by whatever frames. */
export const editFilesOf = ({ edit = [] }: Pick<EditOptions, 'edit'>): readonly PaintedFile[] =>
	typeof edit === 'string' ? [{ frame: 0, path: edit }] : edit;

/** An edit that was read. `path` is empty for a map of colours. */
type OpenedEdit = FrameEdit & Pick<UnderstoodEdit, 'path' | 'kind'>;

const tellEdit = ({ onEdit }: EditOptions, { frame, path, kind, layer }: OpenedEdit): void => {
	if (path !== '') {
		const covered = layer.data.reduce((sum, value, at) => (at % 4 === 3 && value > 0 ? sum + 1 : sum), 0);
		onEdit?.({ frame, path, kind, share: covered / (layer.width * layer.height) });
	}
};

/** Reads edits, for what carries them through a run's frames. @throws UserError when there is nothing to carry */
export const openEdits = async (job: EditOptions, inputs: RunInputs, first: Frame) => {
	const edits = await readEdits(job, inputs, first);
	return (frames: AsyncIterable<RunFrame>, tools: StepTools) => editFrames(job, edits, inputs, frames, tools);
};

async function* editFrames(
	{
		mode = 'dense',
		relight,
		linearLight,
		behind = false,
		matte,
		colourMap,
		onNote,
	}: EditOptions & Pick<PropagateEditJob, 'onNote'>,
	edits: readonly OpenedEdit[],
	{ clip, range }: RunInputs,
	frames: AsyncIterable<RunFrame>,
	{ extractor, scratchFolder }: StepTools,
): AsyncGenerator<WrittenFrame & { readonly edited: Raster<3> }> {
	const painted = new Set(edits.map(({ frame }) => frame));
	const carried = carryEdits(
		frames,
		edits,
		{ mode, relight, linearLight, behind, extractor },
		{
			frames: new RunFrames(clip, range, true),
			items: openFrameStore(join(scratchFolder, 'edited-items')),
			states: (frame) => openFrameStore(join(scratchFolder, `edit-${frame}`)),
		},
	);
	const settings = { ...matteSettingsSchema.parse(matte ?? {}), invert: false };
	const before = new MattesBefore();
	const inTheAir = new LooseFrames();
	for await (const { item, edited, trust, loose } of carried) {
		const { frame, mask, computed } = item;
		// With a mask, an edit ends where its object does; a map of everything lies on no object.
		inTheAir.add(frame.index, mask === undefined && colourMap !== true ? loose : 0);
		const labels = mask ?? nothingMarked(frame);
		const shown = behind
			? inFront(frame.image, edited, mattesOf(frame.image, labels, settings, before))
			: edited;
		yield {
			...{ frame, labels, edited: shown, confidence: trust },
			...{ painted: painted.has(frame.index), computed },
		};
	}
	if (inTheAir.note !== undefined) {
		onNote?.(inTheAir.note);
	}
}

const editFingerprint = (
	{ mode = 'dense', relight, linearLight, behind = false }: EditOptions,
	edits: readonly FrameEdit[],
): string =>
	fingerprint([
		...[mode, relight, linearLight, behind],
		...edits.flatMap(({ frame, layer }) => [frame, createHash('sha256').update(layer.data).digest('hex')]),
	]);

const readEdits = async (
	job: EditOptions,
	{ clip, range, keyframes, edits }: RunInputs,
	first: Frame,
): Promise<OpenedEdit[]> => {
	if (edits.length > 0) {
		if (job.colourMap === true) {
			throw new UserError('--edit and --colormap carry different things; give one of them.');
		}
		const read: OpenedEdit[] = [];
		for (const { frame, path } of edits) {
			const { image } = frame === 0 ? first : await frameOf(clip, range, frame);
			const { layer, isLayer } = await readEdit(path, image, frame === 0 ? undefined : `frame ${frame}`);
			read.push({ frame, path, layer, kind: isLayer ? 'layer' : 'frame' });
		}
		return read;
	}
	const mask = keyframes.keyframes.find(({ frame }) => frame === 0)?.mask;
	const layer = referenceColours(
		first.image,
		mask?.ids.map((id) => (id > 0 ? 1 : 0)),
	);
	return [{ frame: 0, path: '', kind: 'layer', layer }];
};

const nothingMarked = ({ image: { width, height } }: Frame): LabelMap => ({
	width,
	height,
	ids: new Uint8Array(width * height),
	palette: davisPalette,
});
