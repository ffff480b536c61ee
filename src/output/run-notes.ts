import { constants, lstat, open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { makeFolder, type WrittenFile, writeFailure, writeFileAtomically } from '../core/atomic-file.js';
import { mapTogether } from '../core/concurrency.js';
import { UserError } from '../core/errors.js';
import { readOwnJson, readOwnText } from '../core/regular-file.js';
import type { FrameNames } from '../media/frame-names.js';
import type { RunIdentity } from '../store/run-identity.js';
import { type FrameNotes, type FrameRecord, isIntact } from './frame-folder.js';

/** How a difference is told to the person. */
const meaning: Readonly<Record<keyof RunIdentity, string>> = {
	program: 'by another version of propagate',
	clip: 'from another clip',
	range: 'with another --start or --end',
	masks: 'with other masks',
	edit: 'with another edit',
	model: 'with another model',
	settings: 'with other settings (--preset, --quality, --decoder)',
	device: 'on another device',
	ffmpeg: 'with another ffmpeg',
	frames: 'in another format, or with other numbers in their names (--start-number, or those of the source)',
};

const fileSchema = z.strictObject({ path: z.string(), bytes: z.number().int().nonnegative() });

const notesSchema = z.strictObject({
	about: z.string(),
	state: z.enum(['unfinished', 'finished']),
	/** How many there are when the run is finished. */
	frames: z.number().int().nonnegative(),
	identity: z.record(z.string(), z.string()),
	/** Name of the model, for people. */
	model: z.string(),
	/** Besides the folder itself; paths are relative to it. Files are known when the run is finished. */
	outputs: z.array(z.strictObject({ path: z.string(), form: z.string(), files: z.array(fileSchema) })),
});
type Notes = z.infer<typeof notesSchema>;

const NOTES_FOLDER = '.propagate-run';
const RUN_FILE = 'run.json';
const about = 'What these results were made from: by it, a later run knows what it may keep.';

/** The notes are of another run than the one that is asked for. */
export class OtherRunError extends UserError {
	/**
	 * @param canBeginAnew nothing is finished, and the same was asked for: only where and by which version it was begun differs, which is
	 *   no reason not to make it here from the beginning
	 */
	constructor(
		message: string,
		readonly canBeginAnew: boolean,
	) {
		super(message);
	}
}

/** What is not asked for, but given by where and with which version a run is made. */
const ofTheMachine: readonly string[] = ['program', 'device', 'ffmpeg'];

/** An output that is to be made, and in which form: a file of one name may hold different formats. */
export type NotedOutput = { readonly path: string; readonly form: string };

/** An output and what it consists of. */
export type OutputFiles = NotedOutput & { readonly files: readonly WrittenFile[] };

/** Where notes are kept. */
type NotesPlace = {
	/** Paths in the notes are relative to it. */
	readonly results: string;
	readonly folder: string;
	/** Of the results, those that are a picture for each frame. */
	readonly frames: FrameNames | undefined;
};

/** Of a run that writes a picture for each frame: in their folder. */
export const notesOfFrames = (frames: FrameNames): NotesPlace => ({
	results: frames.folder,
	folder: join(frames.folder, frames.isPattern ? `.${basename(frames.path)}${NOTES_FOLDER}` : NOTES_FOLDER),
	frames,
});

/** Of a run that writes no PNGs: beside a file that it writes, and named after it. */
export const notesOfFile = (path: string): NotesPlace => ({
	results: dirname(path),
	folder: join(dirname(path), `.${basename(path)}${NOTES_FOLDER}`),
	frames: undefined,
});

/** What is known of an output that was asked for. */
type OutputState =
	/** No run into this folder has made it. */
	| 'unknown'
	/** It was to be made, or has gone since. */
	| 'begun'
	| 'complete'
	/** It is there, but not as it was made. */
	| 'changed';

/**
 * What a run writes down beside its PNGs, so that a later one can go on where it stopped, and knows whether there is anything to do:
 * what the run was made from, its other outputs, and a checksum for every frame. What was computed is with the results of all runs (see
 * `openPassStores`), or in these notes' folder when the person wants nothing kept.
 */
export class RunNotes implements FrameNotes {
	/** For results while the run is unfinished. */
	readonly scratchFolder: string;
	readonly #results: string;
	readonly #folder: string;
	readonly #frames: Map<string, FrameRecord>;
	#hasBegun = false;
	#hasRecorded = false;

	private constructor(
		private readonly place: NotesPlace,
		private readonly identity: RunIdentity,
		private readonly isNew: boolean,
		/** What an earlier run of the same job wrote down. */
		private readonly earlier: Notes | undefined,
		readonly kept: ReadonlyMap<string, FrameRecord>,
	) {
		this.#results = place.results;
		this.#folder = place.folder;
		this.scratchFolder = join(this.#folder, 'results');
		this.#frames = new Map(kept);
	}

	/**
	 * Reads what an earlier run left in a place of results and sees which of its frames are still as they were. Writes nothing.
	 *
	 * @param resumes whether it is to be gone on with
	 * @throws UserError when it is, but was made from something else, which the message says, or nobody knows from what
	 */
	static async open(place: NotesPlace, identity: RunIdentity, resumes: boolean): Promise<RunNotes> {
		const { results, folder, frames } = place;
		const isNew = (await stat(results).catch(() => undefined)) === undefined;
		if (!resumes) {
			return new RunNotes(place, identity, isNew, undefined, new Map());
		}
		const earlier = await readNotes(folder);
		if (earlier === undefined) {
			if (frames === undefined) {
				return new RunNotes(place, identity, isNew, undefined, new Map());
			}
			const present = (await readdir(results).catch((): string[] => [])).filter((name) =>
				frames.matches(name),
			);
			if (present.length > 0) {
				throw new UserError(
					`"${frames.path}" holds ${present.length} frames, but no notes of a run of this command, so they cannot be continued; choose another folder, or add --overwrite.`,
				);
			}
			return new RunNotes(place, identity, isNew, undefined, new Map());
		}
		for (const [fact, words] of Object.entries(meaning)) {
			if (earlier.identity[fact] !== identity[fact as keyof RunIdentity]) {
				const others = Object.keys(meaning).filter(
					(name) => earlier.identity[name] !== identity[name as keyof RunIdentity],
				);
				throw new OtherRunError(
					frames !== undefined
						? `The frames in "${frames.path}" were made ${words}; repeat the first command to resume, or add --overwrite to begin anew.`
						: `What ${folder} tells of was made ${words}; choose another name, or add --overwrite to begin anew.`,
					earlier.state === 'unfinished' && others.every((name) => ofTheMachine.includes(name)),
				);
			}
		}
		const kept = await intactFrames(
			results,
			frames === undefined ? new Map() : await readFrames(folder, frames),
		);
		return new RunNotes(place, identity, isNew, earlier, kept);
	}

	/** Whether the frames are all there: the run that made them was finished, and none has gone or changed. */
	get hasAllFrames(): boolean {
		return (
			this.earlier?.state === 'finished' &&
			(this.place.frames === undefined || this.kept.size === this.earlier.frames)
		);
	}

	/** How many frames an earlier run has finished for good. */
	get keptFrames(): number {
		return this.place.frames !== undefined
			? this.kept.size
			: this.hasAllFrames
				? (this.earlier?.frames ?? 0)
				: 0;
	}

	/** How many frames are known to be complete. */
	get frames(): number {
		return this.#frames.size;
	}

	async stateOf({ path, form }: NotedOutput): Promise<OutputState> {
		const noted = this.earlier?.outputs.find((output) => output.path === this.#relative(path));
		if (noted?.form !== form) {
			return 'unknown';
		}
		const found = await Promise.all(
			noted.files.map(async ({ path, bytes }) => {
				const size = (await stat(resolve(this.#results, path)).catch(() => undefined))?.size;
				return size === undefined ? 'begun' : size === bytes ? 'complete' : 'changed';
			}),
		);
		if (found.includes('changed')) {
			return 'changed';
		}
		return found.length === 0 || found.includes('begun') ? 'begun' : 'complete';
	}

	/** The run begins: from now on its outputs are known as its own. @param outputs besides the folder */
	async begin(outputs: readonly NotedOutput[], model: string): Promise<void> {
		if (this.earlier === undefined || !(await isFolder(this.#folder))) {
			await rm(this.#folder, { recursive: true, force: true });
		}
		await makeFolder(this.#folder);
		this.#hasBegun = true;
		await this.#writeFrames();
		await this.#write(
			'unfinished',
			model,
			this.#frames.size,
			outputs.map((output) => ({ ...output, files: [] })),
		);
	}

	async record(frames: ReadonlyMap<string, FrameRecord>): Promise<void> {
		const path = join(this.#folder, FRAMES_FILE);
		try {
			const file = await open(path, APPEND);
			try {
				await file.appendFile(formatFrames(frames));
			} finally {
				await file.close();
			}
		} catch (error) {
			throw writeFailure(path, error);
		}
		this.#hasRecorded = true;
		for (const [name, record] of frames) {
			this.#frames.set(name, record);
		}
	}

	/** Everything is written. @param frames of the run */
	async finish(outputs: readonly OutputFiles[], model: string, frames: number): Promise<void> {
		await rm(this.scratchFolder, { recursive: true, force: true });
		await this.#writeFrames();
		await this.#write(
			'finished',
			model,
			this.place.frames === undefined ? frames : this.#frames.size,
			outputs,
		);
	}

	/** What a run leaves that has come to nothing: neither notes nor a folder that was made for it. */
	async discardIfEmpty(): Promise<void> {
		const hasResults = await isFolder(this.scratchFolder);
		if (this.#hasBegun && this.earlier === undefined && !this.#hasRecorded && !hasResults) {
			await rm(this.#folder, { recursive: true, force: true });
			if (this.isNew) {
				await rmdir(this.#results).catch(() => {});
			}
		}
	}

	#relative(path: string): string {
		return relative(this.#results, path).replaceAll('\\', '/');
	}

	/** Ordered, so that a run which was interrupted leaves what one leaves that was not. */
	async #writeFrames(): Promise<void> {
		if (this.place.frames === undefined) {
			return;
		}
		const ordered = new Map([...this.#frames].sort(([a], [b]) => (a < b ? -1 : 1)));
		await writeFileAtomically(join(this.#folder, FRAMES_FILE), Buffer.from(formatFrames(ordered)));
	}

	/** @param outputs what this run makes; others that are known stay so */
	#write(
		state: Notes['state'],
		model: string,
		frames: number,
		outputs: readonly OutputFiles[],
	): Promise<void> {
		const mine = outputs.map(({ path, form, files }) => ({
			path: this.#relative(path),
			form,
			files: files.map((file) => ({ path: this.#relative(file.path), bytes: file.bytes })),
		}));
		const others =
			this.earlier?.outputs.filter(({ path }) => mine.every((output) => output.path !== path)) ?? [];
		const notes: Notes = {
			...{ about, state, frames, identity: this.identity, model },
			outputs: [...others, ...mine],
		};
		return writeFileAtomically(join(this.#folder, RUN_FILE), Buffer.from(formatNotes(notes)));
	}
}

/** Whether a file is what `RunNotes` keeps about a run. */
export const isRunNotes = (path: string): boolean =>
	basename(path) === RUN_FILE && dirname(path).endsWith(NOTES_FOLDER);

/** The notes of a finished run, as they were while it was at work. */
export const asUnfinished = (text: string): string => {
	const notes = notesSchema.parse(JSON.parse(text));
	return formatNotes({
		...notes,
		state: 'unfinished',
		outputs: notes.outputs.map((output) => ({ ...output, files: [] })),
	});
};

const formatNotes = (notes: Notes): string => `${JSON.stringify(notes, undefined, '\t')}\n`;

const readNotes = async (folder: string): Promise<Notes | undefined> =>
	(await isFolder(folder)) ? readOwnJson(join(folder, RUN_FILE), notesSchema) : undefined;

/** Not a link to one. */
const isFolder = (path: string): Promise<boolean> =>
	lstat(path).then(
		(found) => found.isDirectory(),
		() => false,
	);

/** Never through a link, and not waiting for somebody to read out of a pipe. */
const APPEND =
	constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A line a frame: name, bytes, checksum. A frame that was made again has another line, and the last one counts. */
const FRAMES_FILE = 'frames.txt';

const formatFrames = (frames: ReadonlyMap<string, FrameRecord>): string =>
	[...frames].map(([name, { bytes, checksum }]) => `${name} ${bytes} ${checksum}\n`).join('');

const readFrames = async (folder: string, names: FrameNames): Promise<Map<string, FrameRecord>> => {
	const text = await readOwnText(join(folder, FRAMES_FILE)).catch(() => '');
	const records = new Map<string, FrameRecord>();
	for (const [, name = '', bytes, checksum = ''] of text.matchAll(/^(.+) (\d{1,15}) ([0-9a-f]{32})$/gm)) {
		if (names.matches(name)) {
			records.set(name, { bytes: Number(bytes), checksum });
		}
	}
	return records;
};

/** Files that are looked at side by side. */
const TOGETHER = 16;

const intactFrames = async (
	results: string,
	frames: ReadonlyMap<string, FrameRecord>,
): Promise<Map<string, FrameRecord>> => {
	const states = await mapTogether(frames, TOGETHER, ([name, record]) =>
		isIntact(join(results, name), record),
	);
	return new Map([...frames].filter((_, at) => states[at] === true));
};
