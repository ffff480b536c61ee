import { stat } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { requireFree, type WrittenFile } from '../core/atomic-file.js';
import { mapTogether } from '../core/concurrency.js';
import { UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import type { Clip } from '../media/clip.js';
import type { DecodeOptions } from '../media/decode.js';
import { FrameNames } from '../media/frame-names.js';
import { fingerprint, type RunIdentity } from '../store/run-identity.js';
import type { ReviewSheet } from './review-sheet.js';
import {
	type NotedOutput,
	notesOfFile,
	notesOfFrames,
	OtherRunError,
	type OutputFiles,
	RunNotes,
} from './run-notes.js';
import type { SinkOptions } from './sink-options.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

/** One place that a run writes to. */
export type RunOutput = {
	readonly path: string;
	/** Name of the format. */
	readonly form: string;
	/** How its files are called, where it has one for each frame: these a later run can complete. */
	readonly frames?: FrameNames | undefined;
	/** Only masks are written, and nothing of the frames themselves. */
	readonly isMasksOnly: boolean;
	open(options: SinkOptions): Promise<VideoSink>;
};

/** What to do with results that are there already. */
export type ExistingResults =
	| Existing
	/** Go on with those of the same job, and replace others. */
	| 'update';

type RunOutputsOptions = {
	readonly clip: Clip;
	readonly outputs: readonly RunOutput[];
	readonly review?: ReviewSheet | undefined;
	readonly existing: ExistingResults;
	/** Keep notes also where no PNGs are written, so that a later run knows what is finished. */
	readonly keepsNotes?: boolean | undefined;
	/** Name of the model, for the notes. */
	readonly modelName: string;
	/** What the results depend on: results of anything else are not continued. */
	readonly identity: RunIdentity;
	/** Ids of all objects of all masks. */
	readonly objects: readonly number[];
	readonly firstFrame: Frame;
	/** What the first frame of the run is called in names of files; as in the source when undefined. */
	readonly startNumber?: number | undefined;
	readonly range: Pick<DecodeOptions, 'start' | 'end'>;
	readonly premultiplied?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onNote?: ((sentence: string) => void) | undefined;
};

type OpenOutput = NotedOutput & { readonly sink: VideoSink };

/**
 * Everything that one run writes. PNGs can be continued by a later run, so notes are kept in the first folder of them; videos are made
 * in one go.
 */
export class RunOutputs {
	private constructor(
		/** Final paths, the review's too. */
		readonly paths: readonly string[],
		private readonly open: readonly OpenOutput[],
		/** Outputs that an earlier run of the same job has finished. */
		private readonly done: readonly string[],
		private readonly review: ReviewSheet | undefined,
		private readonly notes: RunNotes | undefined,
		private readonly modelName: string,
		/** Where finished frames stay when the run is cancelled, and can be continued; undefined when nowhere. */
		readonly framesFolder: string | undefined,
		/** Nothing of the frames themselves is written. */
		readonly areMasksOnly: boolean,
		/** Nothing is to be done: all outputs are there. */
		readonly isComplete: boolean,
	) {}

	/**
	 * Opens all outputs or none.
	 *
	 * @throws UserError when one is taken, cannot be written, or is to be resumed but was made from something else
	 */
	static async open(options: RunOutputsOptions): Promise<RunOutputs> {
		const { outputs, review, modelName } = options;
		const frames = outputs.find((output) => output.frames !== undefined);
		const { notes, existing } = await openNotes(options, frames);
		const form = (output: RunOutput): string =>
			options.premultiplied === true ? `${output.form}, premultiplied` : output.form;
		const others: readonly NotedOutput[] = [
			...outputs
				.filter((output) => output !== frames)
				.map((output) => ({ path: output.path, form: form(output) })),
			...(review ? [{ path: review.path, form: 'review' }] : []),
		];
		const states = new Map(
			await Promise.all(
				others.map(async (output) => [output.path, (await notes?.stateOf(output)) ?? 'unknown'] as const),
			),
		);
		const isComplete =
			notes?.hasAllFrames === true && [...states.values()].every((state) => state === 'complete');
		const done = others.filter(({ path }) => states.get(path) === 'complete').map(({ path }) => path);
		const changed = others.find(({ path }) => states.get(path) === 'changed');
		if (changed !== undefined && existing !== 'update') {
			throw new UserError(
				`"${changed.path}" has been changed since it was made; choose another name, or add --overwrite.`,
			);
		}
		const existingOf = (path: string): Existing => {
			if (existing === 'update') {
				return path === frames?.path ? 'resume' : 'overwrite';
			}
			// A file that the earlier run did not announce is somebody else's.
			return existing === 'resume' && path !== frames?.path && states.get(path) === 'unknown'
				? 'refuse'
				: existing;
		};

		const opened: OpenOutput[] = [];
		try {
			if (review !== undefined && !done.includes(review.path)) {
				requireNoFrame(review.path, outputs);
				await requireFree([review.path], existingOf(review.path) !== 'refuse');
			}
			for (const output of isComplete ? [] : outputs.filter(({ path }) => !done.includes(path))) {
				const { path } = output;
				const sink = await output.open({
					...sinkOptions(options),
					existing: existingOf(path),
					notes: output === frames ? notes : undefined,
				});
				opened.push({ path, form: form(output), sink });
			}
			if (!isComplete) {
				await notes?.begin(
					others.filter(({ path }) => !done.includes(path)),
					modelName,
				);
			}
		} catch (error) {
			await Promise.all(opened.map(({ sink }) => sink.abort()));
			await notes?.discardIfEmpty();
			throw error;
		}
		return new RunOutputs(
			[...outputs, ...(review ? [review] : [])].map(({ path }) => path),
			opened,
			done,
			review,
			notes,
			modelName,
			frames?.path,
			outputs.every(({ isMasksOnly }) => isMasksOnly),
			isComplete,
		);
	}

	/** Frames that an earlier run has finished for good. */
	get keptFrames(): number {
		return this.notes?.keptFrames ?? 0;
	}

	/** Frames whose PNGs are there by now. */
	get finishedFrames(): number {
		return this.notes?.frames ?? 0;
	}

	/** Where results that are needed again are kept while the run is unfinished. */
	get scratchFolder(): string | undefined {
		return this.notes?.scratchFolder;
	}

	async write(result: FrameResult): Promise<void> {
		await Promise.all(this.open.map(({ sink }) => sink.write(result)));
	}

	/**
	 * Completes the outputs in order, since what refers to others comes after them, and sees that every file is there.
	 *
	 * @param count of the frames that were written
	 * @throws Error when one has gone or changed meanwhile
	 */
	async finish(count: number): Promise<void> {
		if (this.isComplete) {
			return;
		}
		const finished: OutputFiles[] = [];
		const frames: WrittenFile[] = [];
		for (const { path, form, sink } of this.open) {
			const files = await sink.finish();
			if (path === this.framesFolder) {
				frames.push(...files);
			} else {
				finished.push({ path, form, files });
			}
		}
		if (this.review !== undefined && !this.done.includes(this.review.path)) {
			const { path } = this.review;
			await this.review.write();
			finished.push({ path, form: 'review', files: [{ path, bytes: (await stat(path)).size }] });
		}
		await requireFiles([...frames, ...finished.flatMap(({ files }) => files)]);
		await this.notes?.finish(finished, this.modelName, count);
	}

	/** Gives up: finished PNGs and their notes stay, videos vanish. */
	async abort(): Promise<void> {
		await Promise.all(this.open.map(({ sink }) => sink.abort()));
		await this.notes?.discardIfEmpty();
	}
}

/**
 * The notes of a run, and what is to be done with what is there.
 *
 * @param frames the folder of PNGs that can be continued, if there is one
 */
const openNotes = async (
	{ clip, outputs, identity, existing, keepsNotes, premultiplied, startNumber }: RunOutputsOptions,
	frames: RunOutput | undefined,
): Promise<{ readonly notes: RunNotes | undefined; readonly existing: ExistingResults }> => {
	const [first] = outputs;
	const place =
		frames?.frames !== undefined
			? notesOfFrames(frames.frames)
			: keepsNotes === true && first !== undefined
				? notesOfFile(first.path)
				: undefined;
	if (place === undefined) {
		return { notes: undefined, existing: existing === 'update' ? 'overwrite' : existing };
	}
	const resumes = existing === 'resume' || existing === 'update';
	// Masks under their usual names are what notes were always about.
	const facts = [
		frames?.form === 'png' ? '' : (frames?.form ?? ''),
		frames !== undefined && frames.form !== 'png' && premultiplied === true ? 'premultiplied' : '',
		startNumber === undefined ? '' : `from ${startNumber}`,
		// The same pictures under other numbers make files of other names.
		frames === undefined || clip.numbers?.every((number, at) => number === at) !== false
			? ''
			: `numbered ${fingerprint(clip.numbers).slice(0, 12)}`,
		frames?.frames?.isPattern === true && clip.isCountedFromOne === true ? 'counted from 1' : '',
	].filter((fact) => fact !== '');
	const made = facts.length === 0 ? identity : { ...identity, frames: facts.join(', ') };
	try {
		return { notes: await RunNotes.open(place, made, resumes), existing };
	} catch (error) {
		const isBegunElsewhere = keepsNotes === true && error instanceof OtherRunError && error.canBeginAnew;
		if (!isBegunElsewhere && (existing !== 'update' || !(error instanceof UserError))) {
			throw error;
		}
		return { notes: await RunNotes.open(place, made, false), existing: 'overwrite' };
	}
};

/** @throws UserError for a name that a frame in a folder of the run may get */
const requireNoFrame = (path: string, outputs: readonly RunOutput[]): void => {
	const around = outputs.find(({ path: other, frames = FrameNames.inFolder(other) }) => {
		const isWithin = frames.isPattern
			? relative(frames.folder, dirname(path)) === ''
			: !relative(other, path).startsWith('..');
		return isWithin && frames.matches(basename(path));
	});
	if (around !== undefined) {
		throw new UserError(
			`"${path}" would be taken for a frame in "${around.path}"; give the review another name.`,
		);
	}
};

const sinkOptions = (options: RunOutputsOptions): SinkOptions => {
	const { clip, range, startNumber, firstFrame } = options;
	const numberIn = ({ number, index }: Frame): number => number ?? index;
	return {
		// Pictures that are counted from 1 stay so where the person names the files; frames are counted from 0 elsewhere.
		numberOf: (frame, { isPattern }) =>
			numberIn(frame) +
			(startNumber === undefined
				? isPattern && clip.isCountedFromOne === true
					? 1
					: 0
				: startNumber - numberIn(firstFrame)),
		clip: clip.info,
		clipName: clip.isTemporary === true ? undefined : basename(clip.path),
		objects: options.objects,
		audioFrom: clip.kind === 'video' && clip.info.hasAudio ? clip.path : undefined,
		beginSeconds: range.start ? options.firstFrame.timeSeconds : undefined,
		isExcerpt: range.start !== undefined || range.end !== undefined,
		premultiplied: options.premultiplied,
		ffmpeg: options.ffmpeg,
		signal: options.signal,
		onNote: options.onNote,
	};
};

/** Files that are looked at side by side. */
const TOGETHER = 64;

/** What was called written must be there, as it was: folders can be removed or renamed while a run goes on. */
const requireFiles = async (files: readonly WrittenFile[]): Promise<void> => {
	const found = await mapTogether(files, TOGETHER, ({ path }) => stat(path).catch(() => undefined));
	const wrong = files.filter(({ bytes }, at) => found[at]?.size !== bytes);
	if (wrong.length > 0) {
		throw new Error(
			`${wrong.length} of ${files.length} files that were written have gone or changed since (the first is "${wrong[0]?.path}"): somebody removed, renamed or replaced them while the command was at work; run again.`,
		);
	}
};
