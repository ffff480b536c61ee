import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, extname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readOwnJson } from '../core/regular-file.js';
import { UserError, writeFileAtomically } from '../index.js';
import { ClipExport } from './clip-export.js';
import { ClipRun } from './clip-run.js';
import { Project, readProjectFile } from './project.js';
import type { OpenRequest, RecentProject, UploadLimits } from './protocol.js';

/** What is brought in at most, all files of one upload together. */
const uploadLimits: UploadLimits = { gigabytes: 16, files: 20_000 };
const MOST_RECENT = 20;

const samplesFolder = fileURLToPath(new URL('../../samples/', import.meta.url));

const recentSchema = z.array(
	z.object({ id: z.uuid(), name: z.string(), folder: z.string(), openedAt: z.string() }),
);

/** A project with what is under way in it. */
export type OpenProject = { readonly project: Project; readonly run: ClipRun; readonly export: ClipExport };

type Upload = { readonly folder: string; bytes: number; files: number };

/** The projects of one person: a folder for each in the projects' folder, and others that were opened by their path. */
export class Library {
	readonly #open = new Map<string, OpenProject>();
	readonly #uploads = new Map<string, Upload>();
	/** Projects are opened one after the other, so that none is opened twice. */
	#opening: Promise<unknown> = Promise.resolve();

	constructor(
		readonly folder: string,
		readonly limits: UploadLimits = uploadLimits,
	) {}

	/** Clips that come with the program. */
	async samples(): Promise<string[]> {
		const names = await readdir(samplesFolder).catch((): string[] => []);
		return names.filter((name) => existsSync(join(samplesFolder, name, 'clip.mp4'))).sort();
	}

	/** The latest first; those that have gone are left out. */
	async recent(): Promise<RecentProject[]> {
		const all = await this.#readRecent();
		return all.filter(({ folder }) => existsSync(join(folder, 'project.json')));
	}

	/** @throws UserError when no such project is open */
	get(id: string): OpenProject {
		const open = this.#open.get(id);
		if (open === undefined) {
			throw new UserError('This project is not open any more; open it again.');
		}
		return open;
	}

	/** @throws UserError when it can't be opened */
	open(request: OpenRequest): Promise<OpenProject> {
		const opened = this.#opening.then(
			() => this.#openAny(request),
			() => this.#openAny(request),
		);
		this.#opening = opened.catch(() => undefined);
		return opened;
	}

	async close(id: string): Promise<void> {
		const open = this.#open.get(id);
		this.#open.delete(id);
		if (open !== undefined) {
			await Promise.all([open.run.cancel(), open.export.cancel()]);
			await open.project.close();
		}
	}

	async closeAll(): Promise<void> {
		await Promise.all([...this.#open.keys()].map((id) => this.close(id)));
		await Promise.all(
			[...this.#uploads.values()].map(({ folder }) => rm(folder, { recursive: true, force: true })),
		);
	}

	/** A folder of its own for files that a page sends. */
	async beginUpload(): Promise<string> {
		const id = randomUUID();
		const folder = join(this.folder, `.upload-${id}`);
		await mkdir(folder, { recursive: true });
		this.#uploads.set(id, { folder, bytes: 0, files: 0 });
		return id;
	}

	/**
	 * @param announced how many bytes will come, if that is told
	 * @throws UserError for a name that is a path, or more than there may be
	 */
	async upload(id: string, name: string, content: Readable, announced = 0): Promise<void> {
		const upload = this.#uploads.get(id);
		if (upload === undefined) {
			throw new UserError('This upload has not been begun.');
		}
		if (name !== basename(name) || /^\.|[\0/\\]/.test(name) || name.length > 200) {
			throw new UserError(`"${name}" is not a name for a file.`);
		}
		const { gigabytes, files } = this.limits;
		const mostBytes = gigabytes * 2 ** 30;
		const tooMuch = new UserError(
			`More than ${gigabytes} GB can't be copied into a project; open the clip by its path.`,
		);
		upload.files++;
		if (upload.files > files) {
			throw new UserError(
				`More than ${files} files can't be copied into a project; open the folder by its path.`,
			);
		}
		if (upload.bytes + announced > mostBytes) {
			throw tooMuch;
		}
		const counted = async function* (): AsyncGenerator<Buffer> {
			for await (const chunk of content) {
				upload.bytes += (chunk as Buffer).length;
				if (upload.bytes > mostBytes) {
					throw tooMuch;
				}
				yield chunk as Buffer;
			}
		};
		const path = join(upload.folder, name);
		await pipeline(Readable.from(counted()), createWriteStream(path, { flags: 'wx' })).catch(
			(error: unknown) => {
				throw (error as NodeJS.ErrnoException).code === 'EEXIST'
					? new UserError(`Two of the files are called "${name}"; open one clip at a time.`)
					: error;
			},
		);
	}

	async #openAny(request: OpenRequest): Promise<OpenProject> {
		if ('project' in request) {
			const known = this.#open.get(request.project);
			if (known !== undefined) {
				return known;
			}
			const recent = (await this.#readRecent()).find(({ id }) => id === request.project);
			if (recent === undefined) {
				throw new UserError('There is no such project any more.');
			}
			return this.#openProject(recent.folder);
		}
		if ('upload' in request) {
			return this.#openUpload(request.upload);
		}
		if ('sample' in request) {
			const samples = await this.samples();
			if (!samples.includes(request.sample)) {
				throw new UserError(`There is no sample "${request.sample}".`);
			}
			return this.#openClip(join(samplesFolder, request.sample, 'clip.mp4'), request.sample);
		}
		const path = resolve(request.path);
		return (await Project.isProject(path)) ? this.#openProject(path) : this.#openClip(path, nameOf(path));
	}

	async #openProject(folder: string): Promise<OpenProject> {
		const { id } = await readProjectFile(folder);
		const known = this.#open.get(id);
		return known ?? this.#opened(await Project.open(folder));
	}

	/** A clip that has been worked on is gone on with. */
	async #openClip(clip: string, name: string): Promise<OpenProject> {
		for (const { folder } of await this.recent()) {
			const file = await readProjectFile(folder).catch(() => undefined);
			if (file !== undefined && resolve(folder, file.clip) === clip) {
				return this.#openProject(folder);
			}
		}
		const folder = this.#freeFolder(name);
		try {
			return await this.#opened(await Project.create(folder, clip, name));
		} catch (error) {
			await removeEmpty(folder);
			throw error;
		}
	}

	async #openUpload(id: string): Promise<OpenProject> {
		const upload = this.#uploads.get(id);
		if (upload === undefined) {
			throw new UserError('This upload has not been begun.');
		}
		this.#uploads.delete(id);
		const names = await readdir(upload.folder);
		const [first] = names.sort();
		if (first === undefined) {
			throw new UserError('No file was sent.');
		}
		const name = names.length === 1 ? nameOf(first) : nameOf(first).replace(/[\s._-]*\d+$/, '') || 'frames';
		const folder = this.#freeFolder(name);
		const inside = join(folder, 'clip');
		await mkdir(folder, { recursive: true });
		await rename(upload.folder, inside);
		try {
			const clip = names.length === 1 ? join(inside, first) : inside;
			return await this.#opened(await Project.create(folder, clip, name));
		} catch (error) {
			await rm(folder, { recursive: true, force: true });
			// It lies there no more, and whoever sent it knows it by its name.
			throw error instanceof UserError
				? new UserError(error.message.replaceAll(`${inside}${sep}`, '').replaceAll(inside, name))
				: error;
		}
	}

	#freeFolder(name: string): string {
		for (let n = 1; ; n++) {
			const folder = join(this.folder, n === 1 ? name : `${name} ${n}`);
			if (!existsSync(folder)) {
				return folder;
			}
		}
	}

	async #opened(project: Project): Promise<OpenProject> {
		const open = { project, run: new ClipRun(project), export: new ClipExport(project) };
		this.#open.set(project.id, open);
		const { id, name, folder } = project.state;
		const others = (await this.#readRecent()).filter((other) => other.id !== id && other.folder !== folder);
		const all = [{ id, name, folder, openedAt: new Date().toISOString() }, ...others].slice(0, MOST_RECENT);
		await writeFileAtomically(join(this.folder, 'recent.json'), Buffer.from(JSON.stringify(all, null, '\t')));
		return open;
	}

	async #readRecent(): Promise<RecentProject[]> {
		return (await readOwnJson(join(this.folder, 'recent.json'), recentSchema)) ?? [];
	}
}

/** What a clip is called, and its project's folder. */
const nameOf = (path: string): string => {
	const last = basename(path);
	const name = last.slice(0, last.length - extname(last).length).replaceAll(/[^\p{L}\p{N} ._-]/gu, '-');
	return name.replace(/^\.+/, '').slice(0, 80).trim() || 'clip';
};

const removeEmpty = async (folder: string): Promise<void> => {
	const names = await readdir(folder).catch(() => undefined);
	if (names?.length === 0) {
		await rm(folder, { recursive: true, force: true });
	}
};

/** @throws UserError when it is neither */
export const requireClipOrProject = async (path: string): Promise<void> => {
	if ((await stat(path).catch(() => undefined)) === undefined) {
		throw new UserError(`"${path}" does not exist; give a clip, a folder of frames, or a project.`);
	}
};
