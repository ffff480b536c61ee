import { extname, join, parse } from 'node:path';
import type { Keyframe } from '../corrections/keyframe.js';
import { UserError } from '../errors.js';
import type { Clip } from '../media/clip.js';
import type { DecodeOptions } from '../media/decode.js';
import { openSink, type ProjectMedia } from '../media/encode.js';
import type { Frame } from '../media/frame.js';
import { frameFileName } from '../media/frame-folder.js';
import { readLabelMap } from '../media/label-map.js';
import { layerOfProject, type OutputChoice, resolveFormat } from '../media/output-format.js';
import { finishedFrames } from '../media/png-sequence-sink.js';
import type { Existing, FrameResult, VideoSink } from '../media/video-sink.js';
import { type RunIdentity, RunNotes } from '../resume/run-notes.js';

export type ClipOutputsOptions = {
	readonly clip: Clip;
	/** Folders or files; a folder named after the clip when empty. */
	readonly outputs: readonly string[];
	readonly format?: string | undefined;
	readonly existing: Existing;
	/** What the results depend on: results of anything else are not continued. */
	readonly identity: RunIdentity;
	/** Ids of all objects of all masks. */
	readonly objects: readonly number[];
	/** A painted mask, which is also its frame's result. */
	readonly keyframe: Keyframe;
	readonly firstFrame: Frame;
	readonly range: Pick<DecodeOptions, 'start' | 'end'>;
	readonly premultiplied?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Everything that one run writes. PNGs can be continued by a later run, so beside the first folder of them notes are
 * kept until the run is finished; videos are made in one go.
 */
export class ClipOutputs {
	private constructor(
		/** Final paths. */
		readonly paths: readonly string[],
		private readonly sinks: readonly VideoSink[],
		/** The sink of the folder of PNGs that can be continued, among `sinks`. */
		private readonly continued: VideoSink | undefined,
		/** Where finished frames stay when the run is cancelled, and can be continued; undefined when nowhere. */
		readonly continuedFolder: string | undefined,
		private readonly notes: RunNotes | undefined,
		/** Frames from the first on whose PNGs an interrupted run has finished. */
		readonly finishedFrames: number,
		/** All outputs are folders of PNGs: nothing of the frames themselves is written. */
		readonly areMasksOnly: boolean,
		/** Nothing is to be done: the folder of PNGs is the only output, and it has them all. */
		readonly isComplete: boolean,
	) {}

	/**
	 * Opens all outputs or none.
	 *
	 * @throws UserError when one is taken, cannot be written, or is to be resumed but was made from something else
	 */
	static async open(options: ClipOutputsOptions): Promise<ClipOutputs> {
		const choices = await resolveOutputs(options);
		const paths = choices.map(({ path }) => path);
		const folder = choices.find(({ kind }) => kind === 'png')?.path;
		const left = folder && options.existing === 'resume' ? await findEarlier(folder, options) : undefined;

		const sinks: VideoSink[] = [];
		try {
			for (const choice of choices) {
				const begunBefore = left?.outputs.includes(choice.path) || choice.path === folder;
				sinks.push(
					await openSink(choice, {
						...sinkOptions(options, begunBefore),
						project: mediaOfProject(choice, choices, options.clip),
					}),
				);
			}
			const continued = sinks[choices.findIndex(({ path }) => path === folder)];
			const areMasksOnly = choices.every(({ kind }) => kind === 'png');
			const isComplete = left !== undefined && left.notes === undefined && choices.length === 1;
			const notes = folder && !left ? await RunNotes.begin(folder, options.identity, paths) : left?.notes;
			return new ClipOutputs(
				paths,
				sinks,
				continued,
				folder,
				notes,
				left?.frames ?? 0,
				areMasksOnly,
				isComplete,
			);
		} catch (error) {
			await Promise.all(sinks.map((sink) => sink.abort()));
			throw error;
		}
	}

	/** Where results that are needed again are kept while the run is unfinished. */
	get scratchFolder(): string | undefined {
		return this.notes?.scratchFolder;
	}

	async write(result: FrameResult): Promise<void> {
		const isThere = result.frame.index < this.finishedFrames;
		const sinks = isThere ? this.sinks.filter((sink) => sink !== this.continued) : this.sinks;
		await Promise.all(sinks.map((sink) => sink.write(result)));
	}

	/** In order: what refers to other outputs comes after them. */
	async finish(): Promise<void> {
		for (const sink of this.sinks) {
			await sink.finish();
		}
		await this.notes?.remove();
	}

	/** Gives up: finished PNGs and their notes stay, videos vanish. */
	async abort(): Promise<void> {
		await Promise.all(this.sinks.map((sink) => sink.abort()));
	}
}

const sinkOptions = (options: ClipOutputsOptions, begunBefore: boolean) => {
	const { clip, existing } = options;
	return {
		clip: clip.info,
		objects: options.objects,
		audioFrom: clip.kind === 'video' && clip.info.hasAudio ? clip.path : undefined,
		beginSeconds: options.range.start ? options.firstFrame.timeSeconds : undefined,
		isExcerpt: options.range.start !== undefined || options.range.end !== undefined,
		premultiplied: options.premultiplied,
		ffmpeg: options.ffmpeg,
		signal: options.signal,
		// A file that the interrupted run did not announce is somebody else's.
		existing: existing === 'resume' && !begunBefore ? ('refuse' as const) : existing,
	};
};

const resolveOutputs = async ({ clip, outputs, format }: ClipOutputsOptions): Promise<OutputChoice[]> => {
	const places = outputs.length > 0 ? outputs : [defaultOutput(clip.path)];
	const asked = await Promise.all(places.map((place) => resolveFormat(place, format)));
	const projects = asked.filter((choice) => choice.kind === 'project');
	const others = asked.filter((choice) => choice.kind !== 'project');
	for (const project of projects) {
		const layer = layerOfProject(project, others);
		if (!others.includes(layer)) {
			others.push(layer);
		}
	}
	const choices = [...others, ...projects];
	const paths = choices.map(({ path }) => path);
	const twice = paths.find((path, at) => paths.indexOf(path) !== at);
	if (twice !== undefined) {
		throw new UserError(`"${twice}" is given as output twice; name each output once.`);
	}
	return choices;
};

/** What a project file puts on its tracks; undefined for anything else, and for a clip of still images. */
const mediaOfProject = (
	choice: OutputChoice,
	all: readonly OutputChoice[],
	clip: Clip,
): ProjectMedia | undefined => {
	if (choice.kind !== 'project' || clip.kind !== 'video') {
		return undefined;
	}
	const { path, format } = layerOfProject(choice, all);
	return { clip: clip.path, layer: { path, shows: format.channels === 4 ? 'cut-out' : 'matte' } };
};

/** A folder in the working folder that is named after the clip: `bear.mp4` -> `bear-masks`. */
const defaultOutput = (input: string): string => {
	const { name, base } = parse(input.replace(/[/\\]+$/, ''));
	return `${extname(input) === '' ? base : name}-masks`;
};

type Left = {
	/** Undefined when the run that left the frames was finished. */
	readonly notes: RunNotes | undefined;
	readonly outputs: readonly string[];
	readonly frames: number;
};

const findEarlier = async (folder: string, options: ClipOutputsOptions): Promise<Left | undefined> => {
	const frames = await finishedFrames(folder);
	const notes = await RunNotes.reopen(folder, options.identity);
	if (notes === undefined && frames === 0) {
		return undefined;
	}
	if (notes === undefined) {
		await requireComplete(folder, frames, options);
	}
	return { notes, outputs: notes?.outputs ?? [], frames };
};

/** Frames without notes are those of a finished run, or nothing that can be continued. */
const requireComplete = async (
	folder: string,
	count: number,
	{ clip, range, keyframe, signal }: ClipOutputsOptions,
): Promise<void> => {
	let frames = 0;
	for await (const _ of clip.frames({ ...range, signal })) {
		frames++;
	}
	const isOurs = async (): Promise<boolean> => {
		const { width, ids } = await readLabelMap(join(folder, frameFileName(keyframe.frame)));
		return width === keyframe.mask.width && Buffer.from(ids).equals(keyframe.mask.ids);
	};
	if (frames !== count || !(await isOurs())) {
		throw new UserError(
			`"${folder}" holds ${count} frames, but no notes of an unfinished run of this command, so they cannot be continued; choose another folder, or add --overwrite.`,
		);
	}
};
