import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { makeFolder } from '../core/atomic-file.js';
import { mapTogether } from '../core/concurrency.js';
import { UserError } from '../core/errors.js';
import { readOwnText } from '../core/regular-file.js';
import { isS3, parseS3Place, type S3Place, s3Text } from '../core/s3-place.js';
import { type ClipCommand, mapPaths, paintedPathsOf } from '../jobs/clip-command.js';
import { extensionOf } from '../media/file-names.js';
import { FrameNames, isFramePattern } from '../media/frame-names.js';
import { isImagePattern } from '../media/image-sequence.js';
import { resolveFormat } from '../output/output-format.js';
import { asUnfinished, isRunNotes, notesOfFile } from '../output/run-notes.js';
import { editorOutputs, loadEditorPreset } from '../presets/editor-preset.js';
import { fingerprint } from '../store/run-identity.js';
import type { ObjectStore, StoredObject } from './object-store.js';

/** Objects that are copied side by side. */
const AT_ONCE = 8;
/** What nobody has come back to for so long is not gone on with: the queue does not keep its jobs longer either. */
const FORGOTTEN_MS = 7 * 24 * 3600 * 1000;

/**
 * A job whose clip, masks or results lie in S3, with copies of them on a disk of this machine, as `FOLDER/bucket/key`. What is finished of it
 * stays there, so that it can be gone on with, until all of it is stored or the job is given up for good.
 */
export class StagedClip {
	private constructor(
		private readonly store: ObjectStore,
		private readonly folder: string,
		/** The same job on the copies. */
		readonly command: ClipCommand,
		private readonly inputs: ReadonlySet<string>,
		/** Results that storage has: their copies, and how to tell that one is another file by now. */
		private readonly stored: ReadonlyMap<string, string>,
	) {}

	/** Whether anything of a job lies in S3. */
	static isNeededFor(command: ClipCommand): boolean {
		let found = false;
		mapPaths(command, (path) => {
			found ||= isS3(path);
			return path;
		});
		return found;
	}

	/** Removes the copies of jobs that nobody came back to. @param scratch folder for copies of all jobs */
	static async forgetOld(scratch: string): Promise<void> {
		for (const name of await readdir(scratch).catch(() => [])) {
			const folder = join(scratch, name);
			const touched = (await stat(folder).catch(() => undefined))?.mtimeMs ?? Date.now();
			if (/^[0-9a-f]{32}$/.test(name) && Date.now() - touched > FORGOTTEN_MS) {
				await rm(folder, { recursive: true, force: true });
			}
		}
	}

	/**
	 * Copies what a job reads, and what is there already of its results.
	 *
	 * @param scratch folder for copies of all jobs
	 * @throws UserError when something is not there, or the job asks for what can't be stored in S3
	 */
	static async open(
		store: ObjectStore,
		given: ClipCommand,
		scratch: string,
		signal?: AbortSignal,
	): Promise<StagedClip> {
		const folder = join(scratch, fingerprint(given).slice(0, 32));
		await makeFolder(folder, 0o700);
		try {
			return await StagedClip.#copy(store, given, folder, signal);
		} catch (error) {
			if (error instanceof UserError) {
				await rm(folder, { recursive: true, force: true });
			}
			throw error;
		}
	}

	static async #copy(
		store: ObjectStore,
		given: ClipCommand,
		folder: string,
		signal: AbortSignal | undefined,
	): Promise<StagedClip> {
		const now = new Date();
		await utimes(folder, now, now);
		const copyOf = (place: S3Place): string => join(folder, place.bucket, place.key);
		const placed = mapPaths(given, (path) => (isS3(path) ? copyOf(parseS3Place(path)) : path));
		const command = await withSettledOutputs(placed);
		const results = [...(command.output ?? []), command.review].filter((path) => path !== undefined);
		const mine = results.filter((path) => isInside(folder, path));

		// What an earlier attempt has read may be another by now.
		for (const path of await filesIn(folder)) {
			if (!mine.some((result) => belongsTo(result, path))) {
				await rm(path);
			}
		}
		const wanted = new Map<string, StoredObject>();
		for (const path of [given.input, ...paintedPathsOf(given)]) {
			if (isS3(path)) {
				for (const object of await objectsOf(store, parseS3Place(path), signal)) {
					wanted.set(copyOf(object), object);
				}
			}
		}
		await mapTogether(wanted, AT_ONCE, ([path, object]) => store.download(object, path, signal));
		const inputs = new Set(wanted.keys());

		const there = new Map<string, StoredObject>();
		for (const result of mine) {
			for await (const object of resultsOf(store, placeOf(folder, result), signal)) {
				const path = copyOf(object);
				if (belongsTo(result, path) && !inputs.has(path) && !(await exists(path))) {
					there.set(path, object);
				}
			}
		}
		await mapTogether(there, AT_ONCE, ([path, object]) => store.download(object, path, signal));
		const stored = new Map<string, string>();
		for (const path of there.keys()) {
			stored.set(path, await versionOf(path));
		}
		return new StagedClip(store, folder, command, inputs, stored);
	}

	/**
	 * Stores the results. Notes come first, as of a run that is not finished, so that whoever finds a part of the results knows whose they are;
	 * and last, as of one that is.
	 */
	async finish(signal?: AbortSignal): Promise<void> {
		const files = (await filesIn(this.folder)).filter((path) => !this.inputs.has(path));
		const changed: string[] = [];
		for (const path of files) {
			if (this.stored.get(path) !== (await versionOf(path))) {
				changed.push(path);
			}
		}
		const notes = changed.filter(isRunNotes);
		for (const path of notes) {
			await this.store.put(asUnfinished(await readOwnText(path)), placeOf(this.folder, path), signal);
		}
		const results = changed.filter((path) => !isRunNotes(path));
		await mapTogether(results, AT_ONCE, (path) =>
			this.store.upload(path, placeOf(this.folder, path), signal),
		);
		const gone = [...this.stored.keys()].filter((path) => !files.includes(path));
		await mapTogether(gone, AT_ONCE, (path) => this.store.remove(placeOf(this.folder, path), signal));
		await mapTogether(notes, AT_ONCE, (path) => this.store.upload(path, placeOf(this.folder, path), signal));
	}

	/** A sentence with the places that the person knows, instead of those of the copies. */
	shown(text: string): string {
		return text.replaceAll(`${this.folder}${sep}`, 's3://');
	}

	/** Removes the copies. */
	async remove(): Promise<void> {
		await rm(this.folder, { recursive: true, force: true });
	}
}

const isInside = (folder: string, path: string): boolean => path.startsWith(`${folder}${sep}`);

const placeOf = (folder: string, path: string): S3Place => {
	const [bucket = '', ...parts] = relative(folder, path).split(sep);
	return { bucket, key: parts.join('/') };
};

/** The command with a file for each output where an editor's preset names it; project files are refused. */
const withSettledOutputs = async (command: ClipCommand): Promise<ClipCommand> => {
	const { for: name, output = [], input } = command;
	const editor = name === undefined ? undefined : await loadEditorPreset(name);
	const outputs = editor === undefined ? output : await editorOutputs(editor, input, output);
	for (const path of outputs) {
		const choice = await resolveFormat(path, editor?.format ?? command.format).catch(() => undefined);
		if (choice?.kind === 'project') {
			throw new UserError(
				`${basename(path)} is a project file, which names the clip by its place on a disk, so that it can't be made with places in S3; write its layer alone (${choice.format.layers[0]}).`,
			);
		}
	}
	return { ...command, output: outputs };
};

/** What is to be copied of a place that is read: an object, or what lies in a folder of frames. @throws UserError when there is nothing */
const objectsOf = async (
	store: ObjectStore,
	place: S3Place,
	signal: AbortSignal | undefined,
): Promise<StoredObject[]> => {
	const isPattern = isImagePattern(place.key);
	const object = isPattern || place.key.endsWith('/') ? undefined : await store.find(place, signal);
	if (object !== undefined) {
		return [object];
	}
	const key = isPattern ? dirname(place.key) : place.key.replace(/\/$/, '');
	const found: StoredObject[] = [];
	for await (const object of store.list({ ...place, key: `${key}/` }, 'folder', signal)) {
		// Keys of others may hold what a path can't.
		parseS3Place(s3Text(object));
		found.push(object);
	}
	if (found.length === 0) {
		throw new UserError(`There is nothing at "${s3Text(place)}"; check the place.`);
	}
	return found;
};

/** A result that is a file may come with others beside it: `bear.mov`, `bear-2.mov`, `bear.json`. */
const stemOf = (path: string): string => path.slice(0, path.length - extname(path).length);

const isFile = (path: string): boolean => extensionOf(path) !== '';

/** Whether a file is one that making a result may write. @throws UserError for a pattern that is none */
const belongsTo = (result: string, path: string): boolean => {
	if (isFramePattern(result)) {
		const names = FrameNames.ofPattern(result);
		return (
			(dirname(path) === names.folder && names.matchesWithObjects(basename(path))) ||
			isInside(notesOfFile(result).folder, path)
		);
	}
	return isFile(result)
		? (path.startsWith(stemOf(result)) && /^[-.][^/\\]*$/.test(path.slice(stemOf(result).length))) ||
				isInside(notesOfFile(result).folder, path)
		: isInside(result.replace(/[/\\]$/, ''), path);
};

/** The objects among which those are that {@link belongsTo} a result. */
async function* resultsOf(
	store: ObjectStore,
	{ bucket, key }: S3Place,
	signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject, void, void> {
	if (!isFile(key)) {
		return yield* store.list({ bucket, key: `${key.replace(/\/$/, '')}/` }, 'all', signal);
	}
	const stem = isFramePattern(key)
		? `${key.slice(0, key.length - basename(key).length)}${FrameNames.ofPattern(key).stem}`
		: stemOf(key);
	yield* store.list({ bucket, key: stem }, 'folder', signal);
	const { folder } = notesOfFile(key);
	yield* store.list({ bucket, key: `${folder.split(sep).join('/')}/` }, 'all', signal);
}

const filesIn = async (folder: string): Promise<string[]> => {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.partial'))
		.map((entry) => join(entry.parentPath, entry.name));
};

const exists = (path: string): Promise<boolean> =>
	stat(path).then(
		() => true,
		() => false,
	);

const versionOf = async (path: string): Promise<string> => {
	const { ino, size, mtimeMs } = await stat(path);
	return `${ino} ${size} ${mtimeMs}`;
};
