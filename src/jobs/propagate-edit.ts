import { createHash } from 'node:crypto';
import type { DescriptorExtractor } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import type { Frame, LabelMap, Raster } from '../core/frame.js';
import { referenceColours } from '../core/reference-colours.js';
import { carryEdit } from '../edits/carry-edit.js';
import { inFront } from '../edits/composite-edit.js';
import type { EditLayer } from '../edits/difference-matte.js';
import { readEdit } from '../edits/edit-layer.js';
import { editParts } from '../edits/edit-parts.js';
import { type MatteOptions, MattesBefore, matteSettingsSchema, mattesOf } from '../mattes/mattes.js';
import { davisPalette } from '../media/davis-palette.js';
import type { MeshMotion } from '../motion/mesh-tracker.js';
import { fingerprint } from '../store/run-identity.js';
import type { PropagateClipJob, PropagateClipResult } from './clip-job.js';
import { resolveEditOutputs } from './edit-outputs.js';
import type { RunFrame } from './mask-frames.js';
import { type RunKind, runClip, type WrittenFrame } from './run-clip.js';

/** What is carried, and how. */
export type EditOptions = {
	/** The edited first frame, or a layer of its size; undefined with `colourMap`. */
	readonly edit?: string | undefined;
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
};

export type PropagateEditJob = PropagateClipJob & EditOptions;

/**
 * Carries an edit of a clip's first frame through all of it and writes the results: what `propagate <clip> --edit <png>`
 * does. With masks, the edit goes with the object that it lies on, and behind what hides that. See {@link runClip}.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateEdit = (job: PropagateEditJob): Promise<PropagateClipResult> =>
	runClip(job, kindOfEdit(job));

/** What makes a run one that carries an edit. */
export const kindOfEdit = (job: PropagateEditJob): RunKind => ({
	openStep: async (first, mask) => {
		if (job.behind === true && job.masks.length === 0) {
			throw new UserError('--behind needs to know what is in front; give a mask of it with --mask.');
		}
		const layer = await layerOf(job, first, mask);
		return {
			identity: editFingerprint(job, layer),
			ofMasksOnly: false,
			run: (frames, extractor) => {
				noteLoosePieces(job, layer);
				return editFrames(job, layer, frames, extractor);
			},
		};
	},
	resolveOutputs: (clip) => resolveEditOutputs(clip, job.outputs, job.format, job.masks.length > 0),
	describesFrames: true,
	inputs: [job.edit],
});

/** Tells that pieces of an edit go each their own way, when no mask says what they lie on. */
const noteLoosePieces = ({ masks, colourMap, onNote }: PropagateEditJob, layer: EditLayer): void => {
	const pieces = masks.length > 0 || colourMap === true ? 1 : editParts(layer, undefined).length;
	if (pieces > 1) {
		onNote?.(
			`The edit has ${pieces} pieces, and without a mask each goes with what lies under it: where that is lost, a piece is left in the air. Give the object with --mask to keep them on it.`,
		);
	}
};

/** Reads an edit, for what carries it through a run's frames. @throws UserError when there is nothing to carry */
export const openEdit = async (job: EditOptions, first: Frame, mask: LabelMap | undefined) => {
	const layer = await layerOf(job, first, mask);
	return (frames: AsyncIterable<RunFrame>, extractor: DescriptorExtractor) =>
		editFrames(job, layer, frames, extractor);
};

async function* editFrames(
	{ mode = 'dense', relight, linearLight, behind = false, matte }: EditOptions,
	layer: EditLayer,
	frames: AsyncIterable<RunFrame>,
	extractor: DescriptorExtractor,
): AsyncGenerator<WrittenFrame & { readonly edited: Raster<3> }> {
	const carried = carryEdit(frames, { layer, mode, relight, linearLight, behind, extractor });
	const settings = { ...matteSettingsSchema.parse(matte ?? {}), invert: false };
	const before = new MattesBefore();
	for await (const { item, edited, trust } of carried) {
		const { frame, mask, computed } = item;
		const labels = mask ?? nothingMarked(frame);
		const shown = behind
			? inFront(frame.image, edited, mattesOf(frame.image, labels, settings, before))
			: edited;
		yield { frame, labels, edited: shown, confidence: trust, painted: frame.index === 0, computed };
	}
}

const editFingerprint = (
	{ mode = 'dense', relight, linearLight, behind = false }: EditOptions,
	layer: EditLayer,
): string =>
	fingerprint([mode, relight, linearLight, behind, createHash('sha256').update(layer.data).digest('hex')]);

const layerOf = async (
	job: EditOptions,
	{ image }: Frame,
	mask: LabelMap | undefined,
): Promise<EditLayer> => {
	if (job.edit !== undefined) {
		if (job.colourMap === true) {
			throw new UserError('--edit and --colormap carry different things; give one of them.');
		}
		return readEdit(job.edit, image);
	}
	return referenceColours(
		image,
		mask?.ids.map((id) => (id > 0 ? 1 : 0)),
	);
};

const nothingMarked = ({ image: { width, height } }: Frame): LabelMap => ({
	width,
	height,
	ids: new Uint8Array(width * height),
	palette: davisPalette,
});
