import type { PaintedFile } from '../core/painted-file.js';
import type { Quality } from '../core/quality.js';
import type { MatteSettings } from '../mattes/mattes.js';
import type { MaskType } from '../media/mask-meaning/meaning.js';
import type { MeshMotion } from '../motion/mesh-tracker.js';
import { editorOutputs, loadEditorPreset } from '../presets/editor-preset.js';
import type { Device } from '../runtime/session.js';
import type { PropagateClipJob } from './clip-job.js';
import { kindOfClip } from './propagate-clip.js';
import type { EditOptions } from './propagate-edit.js';
import type { RunKind } from './run-clip.js';

/** Options of the main command by their names, be they given on a command line or in a list of jobs. */
export type ClipOptions = {
	readonly mask?: readonly PaintedFile[] | undefined;
	readonly maskType?: MaskType | undefined;
	readonly edit?: readonly PaintedFile[] | undefined;
	readonly editMode?: MeshMotion | undefined;
	readonly relight?: boolean | undefined;
	readonly linearLight?: boolean | undefined;
	readonly behind?: boolean | undefined;
	readonly colormap?: boolean | undefined;
	readonly output?: readonly string[] | undefined;
	readonly format?: string | undefined;
	readonly for?: string | undefined;
	readonly startNumber?: number | undefined;
	readonly review?: string | undefined;
	readonly alpha?: MatteSettings['alpha'] | undefined;
	readonly grow?: number | undefined;
	readonly feather?: number | undefined;
	readonly despill?: boolean | undefined;
	readonly steady?: boolean | undefined;
	readonly invert?: boolean | undefined;
	readonly premultiplied?: boolean | undefined;
	readonly overwrite?: boolean | undefined;
	readonly start?: string | undefined;
	readonly end?: string | undefined;
	readonly fps?: number | undefined;
	readonly preset?: string | undefined;
	readonly quality?: Quality | undefined;
	readonly decoder?: 'on' | 'off' | undefined;
	readonly model?: string | undefined;
	readonly device?: Device | undefined;
	readonly threads?: number | undefined;
	readonly cache?: boolean | undefined;
};

/** What a run does not get from its options: it belongs to the machine, and to whoever watches. */
export type RunContext = Pick<
	PropagateClipJob & EditOptions,
	| 'ffmpeg'
	| 'threads'
	| 'cache'
	| 'resume'
	| 'keepsNotes'
	| 'signal'
	| 'onNote'
	| 'onMask'
	| 'onEdit'
	| 'onFrame'
>;

/** Whether an edit is carried, or the masks are all. */
export const carriesEdit = ({
	edit,
	colormap,
}: {
	readonly edit?: unknown;
	readonly colormap?: boolean | undefined;
}): boolean => edit !== undefined || colormap === true;

/**
 * What options ask for, for `runClip` and `checkRun`.
 *
 * @throws UserError without a mask or an edit, and for an editor that there is no preset of
 */
export const runOfOptions = async (
	input: string,
	options: ClipOptions,
	context: RunContext,
): Promise<{ readonly job: PropagateClipJob; readonly kind: RunKind }> => {
	const { output = [], alpha, feather, grow, despill, steady, invert } = options;
	const editor = options.for === undefined ? undefined : await loadEditorPreset(options.for);
	const job: PropagateClipJob = {
		...context,
		input,
		masks: options.mask ?? [],
		maskType: options.maskType,
		outputs: editor === undefined ? output : await editorOutputs(editor, input, output),
		format: editor?.format ?? options.format,
		startNumber: options.startNumber,
		firstNumber: editor?.firstNumber,
		model: options.model,
		preset: options.preset,
		quality: options.quality,
		decoder: options.decoder === undefined ? undefined : options.decoder === 'on',
		device: options.device,
		threads: options.threads ?? context.threads,
		fps: options.fps,
		start: options.start,
		end: options.end,
		overwrite: options.overwrite,
		matte: { alpha, feather, grow, despill, steady, invert },
		premultiplied: options.premultiplied,
		review: options.review,
		cache: options.cache === false ? false : context.cache,
	};
	if (!carriesEdit(options)) {
		return { job, kind: kindOfClip(job) };
	}
	// Loaded where it is used: a run with masks alone begins sooner.
	const { kindOfEdit } = await import('./propagate-edit.js');
	const kind = kindOfEdit({
		...job,
		onEdit: context.onEdit,
		edit: options.edit,
		colourMap: options.colormap,
		mode: options.editMode,
		relight: options.relight === true,
		linearLight: options.linearLight === true,
		behind: options.behind === true,
	});
	return { job, kind };
};
