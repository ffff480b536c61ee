import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { readOwnJson, readOwnText } from '../core/regular-file.js';
import {
	type Clip,
	davisPalette,
	type LabelMap,
	openClip,
	type Raster,
	readLabelMap,
	UserError,
	writeFileAtomically,
	writeLabelMap,
} from '../index.js';
import { PictureStore } from './picture-store.js';
import { ProjectEdit } from './project-edit.js';
import { ProjectChanges, requireProjectThere } from './project-folder.js';
import {
	type MarkedObject,
	type MaskKind,
	objectSchema,
	type PaintedFrame,
	type PaintingKept,
	type ProjectSettings,
	type ProjectState,
	qualitySchema,
	type StudioEvent,
} from './protocol.js';

const projectSchema = z.object({
	format: z.literal(1),
	id: z.uuid(),
	name: z.string().min(1),
	/** Relative to the project's folder where it lies in it, so that the folder can be moved. */
	clip: z.string().min(1),
	objects: z.array(objectSchema).min(1),
	start: z.int().min(0).nullable(),
	end: z.int().min(1).nullable(),
	quality: qualitySchema,
});
type ProjectFile = z.infer<typeof projectSchema>;

const foundSchema = z.object({
	confidence: z.record(z.coerce.number<string>().int(), z.number()),
	outdated: z.array(z.tuple([z.number(), z.number()])),
	key: z.string().default(''),
});

type Painted = { revision: number; hasBefore: boolean; objects: ReadonlySet<number> };

/** Behind the last frame of any clip. */
const END = 1e9;
/** Notes on found masks are written no more often than this: a run that was broken off finds the rest in the engine's own store. */
const NOTE_MS = 2000;

const firstObject: MarkedObject = { id: 1, name: 'Object 1', colour: '#ff4f64' };

const fileOf = (frame: number): string => `${String(frame).padStart(5, '0')}.png`;

/**
 * A folder with all that somebody has made of a clip:
 *
 *     project.json   objects, in and out points, where the clip is
 *     painted/       the painted frames, indexed PNGs that the command line takes as well
 *     before/        what had been found there before somebody painted over it
 *     masks/         the masks that were found, and how far they can be trusted
 *     pictures/      the clip's frames for the screen; made anew where they are missing
 *     edit/, edited/ a picture that is carried, and frames with it in them, see {@link ProjectEdit}
 *     exports/       what was exported, unless another place was named
 *
 * What is painted is on disk when it is acknowledged. The folder may be moved while it is closed.
 */
export class Project {
	readonly pictures: PictureStore;
	readonly edit: ProjectEdit;
	readonly #painted = new Map<number, Painted>();
	#confidence = new Map<number, number>();
	#outdated: [number, number][] = [];
	/** What all masks were found with; empty where they were found with one thing and another. */
	#foundKey = '';
	#lastNote = 0;
	/** Greater than those of all earlier times that it was open. */
	#version = Date.now() * 1000;
	readonly #listeners = new Set<(event: StudioEvent) => void>();
	readonly #changes: ProjectChanges;

	private constructor(
		readonly folder: string,
		readonly clip: Clip,
		private file: ProjectFile,
	) {
		this.#changes = new ProjectChanges(folder);
		this.pictures = new PictureStore(join(folder, 'pictures'), clip, (frames) => {
			this.tell({ type: 'frames', frames });
			if (frames.complete) {
				this.tell({ type: 'project', project: this.state });
			}
		});
		this.edit = new ProjectEdit(folder, clip, () => this.#tellAll());
	}

	/** Whether a folder is a project. */
	static async isProject(folder: string): Promise<boolean> {
		return (await stat(join(folder, 'project.json')).catch(() => undefined))?.isFile() === true;
	}

	/**
	 * Makes a project of a clip.
	 *
	 * @param folder new or empty
	 * @throws UserError when it is no clip
	 */
	static async create(folder: string, clipPath: string, name: string): Promise<Project> {
		const clip = await openClip(clipPath);
		await mkdir(folder, { recursive: true });
		const inside = relative(folder, resolve(clipPath));
		const file: ProjectFile = {
			...{ format: 1, id: randomUUID(), name, objects: [firstObject] },
			...{ start: null, end: null, quality: 'balanced' },
			clip: inside.startsWith('..') || isAbsolute(inside) ? resolve(clipPath) : inside,
		};
		const project = new Project(folder, clip, file);
		await project.#write();
		await project.pictures.open();
		return project;
	}

	/** @throws UserError when it is not a project, or its clip has gone */
	static async open(folder: string): Promise<Project> {
		const file = await readProjectFile(folder);
		const clipPath = resolve(folder, file.clip);
		const clip = await openClip(clipPath).catch((error: unknown) => {
			throw error instanceof UserError
				? new UserError(`The project "${file.name}" can't find its clip: ${error.message}`)
				: error;
		});
		const project = new Project(folder, clip, file);
		await project.#readMasks();
		await project.edit.open();
		await project.pictures.open();
		return project;
	}

	get id(): string {
		return this.file.id;
	}

	get name(): string {
		return this.file.name;
	}

	get quality(): ProjectFile['quality'] {
		return this.file.quality;
	}

	/** First frame that is used, and the first that is not used any more; null: the clip's own. */
	get range(): { readonly start: number; readonly end: number | null } {
		return { start: this.file.start ?? 0, end: this.file.end };
	}

	get state(): ProjectState {
		const { id, name, objects, start, end, quality } = this.file;
		const { width, height, frameRate } = this.clip.info;
		return {
			...{
				id,
				version: this.#version,
				name,
				folder: this.folder,
				clip: this.clip.path,
				width,
				height,
				frameRate,
			},
			...{ objects, start, end, quality, painted: this.painted },
			confidence: Object.fromEntries(this.#confidence),
			outdated: this.#outdated,
			frames: this.pictures.frames,
			edit: this.edit.state(this.editKey),
			notes: this.clip.notes ?? [],
		};
	}

	/** Another one where an edit would be carried to something else: of the edit, what is painted, the range and the quality. */
	get editKey(): string {
		return keyOf([this.edit.revision, this.maskKey]);
	}

	/** Another one where other masks would be found: of what is painted, the range and the quality. */
	get maskKey(): string {
		const { quality, start, end } = this.file;
		return keyOf([quality, start, end, this.painted.map(({ frame, revision }) => [frame, revision])]);
	}

	get painted(): readonly PaintedFrame[] {
		return [...this.#painted]
			.sort(([a], [b]) => a - b)
			.map(([frame, { revision, hasBefore }]) => ({ frame, revision, hasBefore }));
	}

	/** Where the mask is that was found for a frame. */
	foundPath(frame: number): string {
		return join(this.folder, 'masks', fileOf(frame));
	}

	/** Whether a run has found a frame's mask. */
	hasFound(frame: number): boolean {
		return this.#confidence.has(frame) && existsSync(this.foundPath(frame));
	}

	/** Where a frame's painted mask is. */
	paintedPath(frame: number): string {
		return join(this.folder, 'painted', fileOf(frame));
	}

	listen(listener: (event: StudioEvent) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	tell(event: StudioEvent): void {
		for (const listener of this.#listeners) {
			listener(event);
		}
	}

	/** A frame's mask: as painted, else as found; [height * width] object ids. */
	async mask(frame: number): Promise<{ readonly kind: MaskKind; readonly ids: Uint8Array | undefined }> {
		const kind = this.#painted.has(frame) ? 'painted' : 'found';
		const path = kind === 'painted' ? this.paintedPath(frame) : this.foundPath(frame);
		const ids = await this.#idsOf(path);
		return ids === undefined ? { kind: 'none', ids } : { kind, ids };
	}

	/** [height * width] object ids of a mask file of the clip's size. @throws UserError when it can't be understood */
	async readMask(file: Uint8Array): Promise<Uint8Array> {
		const path = join(this.folder, `.mask-${randomUUID()}`);
		try {
			await writeFile(path, file);
			const { width, height, stored } = this.clip.info;
			return (await readLabelMap(path, { size: { width, height, stored } })).ids;
		} catch (error) {
			throw error instanceof UserError ? new UserError(error.message.replaceAll(`"${path}" `, '')) : error;
		} finally {
			await rm(path, { force: true });
		}
	}

	/** A frame as it is in the clip, a PNG. @throws UserError when there is no such frame */
	async framePng(frame: number): Promise<Buffer> {
		for await (const { image } of this.clip.frames({ start: { frame }, end: { frame: frame + 1 } })) {
			const { width, height, channels, data } = image;
			return sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 6 }).toBuffer();
		}
		throw new UserError(`The clip has no frame ${frame}.`);
	}

	/** What had been found for a frame before it was painted over. */
	before(frame: number): Promise<Uint8Array | undefined> {
		return this.#idsOf(this.#beforePath(frame));
	}

	/**
	 * Keeps what is painted on a frame.
	 *
	 * @param ids [height * width]
	 * @param basis the revision that the painting began with; 0 where the frame was not painted
	 */
	paint(frame: number, ids: Uint8Array, basis: number): Promise<PaintingKept> {
		return this.#changes.make(async () => {
			const old = await this.#asOnDisk(frame);
			if ((old?.revision ?? 0) !== basis) {
				return this.#kept(old?.revision ?? 0, false);
			}
			const path = this.paintedPath(frame);
			await mkdir(join(this.folder, 'before'), { recursive: true });
			const hasBefore =
				old?.hasBefore ??
				(await copyFile(this.foundPath(frame), this.#beforePath(frame)).then(
					() => true,
					() => false,
				));
			await writeLabelMap(path, this.#labels(ids));
			const objects = objectsIn(ids);
			const others = this.#allObjects(frame);
			const brought = [...objects].some((id) => !others.has(id));
			const gone = [...(old?.objects ?? [])].some((id) => !others.has(id) && !objects.has(id));
			const revision = revisionOf(ids);
			this.#painted.set(frame, { revision, hasBefore, objects });
			// Passes know which objects there are: a new one is looked for everywhere.
			const isNew = brought && !(old !== undefined && [...objects].every((id) => old.objects.has(id)));
			await this.#outdate(frame, isNew || gone);
			return this.#kept(revision, true);
		});
	}

	/** Takes a painted frame away again; what had been found there comes back. As {@link paint}. */
	unpaint(frame: number, basis: number): Promise<PaintingKept> {
		return this.#changes.make(async () => {
			const old = await this.#asOnDisk(frame);
			if (old === undefined || old.revision !== basis) {
				const revision = old?.revision ?? 0;
				return this.#kept(revision, revision === basis);
			}
			this.#painted.delete(frame);
			if (old.hasBefore) {
				await copyFile(this.#beforePath(frame), this.foundPath(frame));
				await rm(this.#beforePath(frame), { force: true });
			} else {
				await rm(this.foundPath(frame), { force: true });
				this.#confidence.delete(frame);
			}
			await rm(this.paintedPath(frame), { force: true });
			const others = this.#allObjects(frame);
			await this.#outdate(
				frame,
				[...old.objects].some((id) => !others.has(id)),
			);
			return this.#kept(0, true);
		});
	}

	/** A mask that a run has found. @param key of what it was found with */
	async found(
		frame: number,
		mask: LabelMap,
		confidence: number,
		isPainted: boolean,
		key: string,
	): Promise<void> {
		requireProjectThere(this.folder);
		this.#foundKey = this.#foundKey === key ? key : '';
		await writeLabelMap(this.foundPath(frame), this.#labels(mask.ids));
		this.#confidence.set(frame, confidence);
		this.#outdated = without(this.#outdated, frame);
		this.tell({ type: 'mask', frame, confidence, painted: isPainted });
		if (performance.now() - this.#lastNote > NOTE_MS) {
			await this.writeNotes();
		}
	}

	/** A run has found the masks of all its frames. @param key of what they were found with */
	foundAll(key: string): void {
		this.#foundKey = key;
	}

	/** A frame with the edit in it. @param key of what it was carried with */
	async edited(frame: number, picture: Raster<3>, key: string): Promise<void> {
		await this.edit.keep(frame, picture, key);
		this.tell({ type: 'edited', frame });
		if (performance.now() - this.#lastNote > NOTE_MS) {
			await this.writeNotes();
		}
	}

	async writeNotes(): Promise<void> {
		this.#lastNote = performance.now();
		await this.edit.writeNotes();
		const notes = {
			confidence: Object.fromEntries(this.#confidence),
			outdated: this.#outdated,
			key: this.#foundKey,
		};
		await writeFileAtomically(join(this.folder, 'masks', 'found.json'), Buffer.from(JSON.stringify(notes)));
	}

	/** @throws UserError for settings that don't go together */
	set(settings: ProjectSettings): Promise<void> {
		return this.#changes.make(async () => {
			const next = { ...this.file, ...settings };
			const { start, end, objects } = next;
			if (end !== null && end <= (start ?? 0)) {
				throw new UserError('The out point must be behind the in point.');
			}
			if (new Set(objects.map(({ id }) => id)).size < objects.length) {
				throw new UserError('Two objects have the same number.');
			}
			const painted = this.#allObjects();
			const removed = this.file.objects.filter(({ id }) => objects.every((object) => object.id !== id));
			if (removed.some(({ id }) => painted.has(id))) {
				throw new UserError("An object that is painted on a frame can't be removed; erase it there first.");
			}
			const recoloured = JSON.stringify(colours(objects)) !== JSON.stringify(colours(this.file.objects));
			const others = start !== this.file.start || end !== this.file.end || next.quality !== this.file.quality;
			this.file = next;
			await this.#write();
			if (recoloured) {
				// A colour belongs to one object in all masks of a run.
				for (const frame of this.#painted.keys()) {
					const ids = await this.#idsOf(this.paintedPath(frame));
					if (ids !== undefined) {
						await writeLabelMap(this.paintedPath(frame), this.#labels(ids));
					}
				}
			}
			if (others) {
				this.#outdated = this.#foundKey === this.maskKey ? [] : [[0, END]];
				await this.writeNotes();
			}
			this.#tellAll();
		});
	}

	async close(): Promise<void> {
		await this.#changes.made();
		await this.pictures.close();
	}

	/** A painted frame as it is now: another studio, started beside this one, may have the project open as well. */
	async #asOnDisk(frame: number): Promise<Painted | undefined> {
		const ids = await this.#idsOf(this.paintedPath(frame));
		const known = this.#painted.get(frame);
		if (ids === undefined) {
			this.#painted.delete(frame);
		} else if (known?.revision !== revisionOf(ids)) {
			const hasBefore = (await stat(this.#beforePath(frame)).catch(() => undefined)) !== undefined;
			this.#painted.set(frame, { revision: revisionOf(ids), hasBefore, objects: objectsIn(ids) });
		}
		return this.#painted.get(frame);
	}

	#kept(revision: number, isKept: boolean): PaintingKept {
		return { revision, isKept, version: this.#version };
	}

	#tellAll(): void {
		this.#version++;
		this.tell({ type: 'project', project: this.state });
	}

	#beforePath(frame: number): string {
		return join(this.folder, 'before', fileOf(frame));
	}

	async #idsOf(path: string): Promise<Uint8Array | undefined> {
		if ((await stat(path).catch(() => undefined)) === undefined) {
			return undefined;
		}
		const { width, height } = this.clip.info;
		return (await readLabelMap(path, { type: 'ids', size: { width, height } })).ids;
	}

	#labels(ids: Uint8Array): LabelMap {
		const { width, height } = this.clip.info;
		const palette = davisPalette.slice();
		for (const { id, colour } of this.file.objects) {
			palette.set(Buffer.from(colour.slice(1), 'hex'), id * 3);
		}
		return { width, height, ids, palette };
	}

	/** Objects of all painted frames. @param except a frame that is left out */
	#allObjects(except?: number): ReadonlySet<number> {
		const kept = [...this.#painted].filter(([frame]) => frame !== except);
		return new Set(kept.flatMap(([, { objects }]) => [...objects]));
	}

	/** Marks what was found and depends on a frame that has been painted, as the engine has it: see `propagateKeyframes`. */
	async #outdate(frame: number, all: boolean): Promise<void> {
		const others = [...this.#painted.keys()].filter((other) => other !== frame);
		const before = others.filter((other) => other < frame);
		const behind = others.filter((other) => other > frame);
		const next = behind.length < 2 ? END : Math.min(...behind);
		const range: [number, number] =
			all || others.length === 0 ? [0, END] : [Math.max(-1, ...before) + 1, next];
		// A stroke that is taken back makes all right again.
		this.#outdated = this.#foundKey === this.maskKey ? [] : joined([...this.#outdated, range]);
		await this.writeNotes();
		this.#tellAll();
	}

	async #write(): Promise<void> {
		await writeFileAtomically(
			join(this.folder, 'project.json'),
			Buffer.from(`${JSON.stringify(this.file, null, '\t')}\n`),
		);
	}

	/** What is painted is what lies in the folder, whatever happened to the program. */
	async #readMasks(): Promise<void> {
		const names = await readdir(join(this.folder, 'painted')).catch((): string[] => []);
		for (const name of names) {
			const frame = Number(/^(\d{5,})\.png$/.exec(name)?.[1] ?? Number.NaN);
			if (Number.isInteger(frame)) {
				const path = this.paintedPath(frame);
				const ids = (await this.#idsOf(path).catch(damaged(path))) ?? new Uint8Array();
				const hasBefore = (await stat(this.#beforePath(frame)).catch(() => undefined)) !== undefined;
				const objects = objectsIn(ids);
				this.#painted.set(frame, { revision: revisionOf(ids), hasBefore, objects });
			}
		}
		// What is damaged of it is found again.
		const notes = await readOwnJson(join(this.folder, 'masks', 'found.json'), foundSchema);
		if (notes !== undefined) {
			this.#confidence = new Map(
				Object.entries(notes.confidence).map(([frame, value]) => [Number(frame), value]),
			);
			this.#outdated = notes.outdated;
			this.#foundKey = notes.key;
		}
	}
}

/** @throws UserError when there is none, or it is of another program */
export const readProjectFile = async (folder: string): Promise<ProjectFile> => {
	const text = await readOwnText(join(folder, 'project.json')).catch(() => {
		throw new UserError(`"${folder}" is not a project: there is no project.json in it.`);
	});
	try {
		return projectSchema.parse(JSON.parse(text));
	} catch {
		throw new UserError(`"${basename(folder)}" has a project.json that this version can't read.`);
	}
};

const colours = (objects: readonly MarkedObject[]): string[] =>
	objects.map(({ id, colour }) => `${id}${colour}`).sort();

const objectsIn = (ids: Uint8Array): ReadonlySet<number> => {
	const seen = new Uint8Array(256);
	for (let at = 0; at < ids.length; at++) {
		seen[ids[at]!] = 1;
	}
	return new Set([...seen.keys()].filter((id) => id > 0 && seen[id] === 1));
};

const damaged = (path: string) => (): never => {
	throw new UserError(
		`"${path}" is damaged: it is what was painted on a frame. Take it out of its folder, and the project opens without it.`,
	);
};

const keyOf = (parts: readonly unknown[]): string =>
	createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

/** What tells paintings apart: of their ids alone, so that it is the same after a restart, and a new colour changes nothing. Never 0. */
const revisionOf = (ids: Uint8Array): number =>
	Number.parseInt(createHash('sha256').update(ids).digest('hex').slice(0, 12), 16) + 1;

const joined = (ranges: readonly [number, number][]): [number, number][] => {
	const all: [number, number][] = [];
	for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
		const last = all.at(-1);
		if (last !== undefined && from <= last[1]) {
			last[1] = Math.max(last[1], to);
		} else {
			all.push([from, to]);
		}
	}
	return all;
};

const without = (ranges: readonly [number, number][], frame: number): [number, number][] =>
	ranges
		.flatMap(([from, to]): [number, number][] =>
			frame < from || frame >= to
				? [[from, to]]
				: [
						[from, frame],
						[frame + 1, to],
					],
		)
		.filter(([from, to]) => from < to);
