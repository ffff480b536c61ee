import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { openTemporary } from '../core/atomic-file.js';
import { readOwnFile, readOwnJson } from '../core/regular-file.js';
import { clearLeftovers } from '../core/temporary-names.js';
import { type Clip, type Frame, type Raster, writeFileAtomically } from '../index.js';
import type { FramesReady } from './protocol.js';

/** Longer sides are made smaller for the screen; masks keep the clip's size. */
const LONGEST_SIDE = 1920;
/** Pictures that are encoded side by side. */
const TOGETHER = 3;
/** A page is told no more often than this. */
const TELL_MS = 200;

const noteSchema = z.object({ clip: z.string(), frames: z.int().min(0) });

/**
 * The pictures of a clip's frames as JPEGs in a folder, so that any of them is there at once, whatever the clip's codec, and memory holds a
 * few of them. The clip is decoded once, in order; a picture that is not there yet is waited for. The folder may be removed at any time
 * when no studio is open.
 */
export class PictureStore {
	#ready = 0;
	#complete = false;
	#failure: string | undefined;
	#lastTold = 0;
	readonly #waiting = new Map<number, Set<() => void>>();
	readonly #controller = new AbortController();
	#working: Promise<void> = Promise.resolve();

	constructor(
		readonly folder: string,
		private readonly clip: Clip,
		private readonly tell: (frames: FramesReady) => void,
	) {}

	get frames(): FramesReady {
		return {
			ready: this.#ready,
			total: this.#complete ? this.#ready : Math.max(this.#ready, this.clip.info.estimatedFrames ?? 0),
			complete: this.#complete,
			failure: this.#failure,
		};
	}

	/** Begins to decode, unless all pictures are there from an earlier time. */
	async open(): Promise<void> {
		const note = await readOwnJson(join(this.folder, 'complete.json'), noteSchema);
		if (note !== undefined && note.clip === (await this.#identity())) {
			this.#ready = note.frames;
			this.#complete = true;
			return;
		}
		await mkdir(this.folder, { recursive: true });
		await clearLeftovers(this.folder);
		this.#working = this.#decode()
			.catch((error: unknown) => {
				if (!this.#controller.signal.aborted) {
					this.#failure = error instanceof Error ? error.message : String(error);
					this.tell(this.frames);
				}
			})
			.finally(() => this.#wakeAll());
	}

	/** A frame's JPEG; undefined when there is no such frame. */
	async get(index: number): Promise<Buffer | undefined> {
		while (index >= this.#ready && !this.#complete && this.#failure === undefined) {
			if (this.#controller.signal.aborted) {
				return undefined;
			}
			await new Promise<void>((wake) => {
				const waiting = this.#waiting.get(index) ?? new Set();
				this.#waiting.set(index, waiting.add(wake));
			});
		}
		return index < this.#ready ? readOwnFile(this.#path(index)).catch(() => undefined) : undefined;
	}

	async close(): Promise<void> {
		this.#controller.abort();
		this.#wakeAll();
		await this.#working;
	}

	#path(index: number): string {
		return join(this.folder, pictureName(index));
	}

	async #decode(): Promise<void> {
		const { signal } = this.#controller;
		const encoding: Promise<void>[] = [];
		try {
			for await (const frame of this.clip.frames({ signal })) {
				encoding.push(handled(this.#encode(frame)));
				if (encoding.length >= TOGETHER) {
					await this.#oneMore(encoding);
				}
			}
			while (encoding.length > 0) {
				await this.#oneMore(encoding);
			}
		} finally {
			await Promise.allSettled(encoding);
		}
		this.#complete = true;
		const note = { clip: await this.#identity(), frames: this.#ready };
		await writeFileAtomically(join(this.folder, 'complete.json'), Buffer.from(JSON.stringify(note)));
		this.tell(this.frames);
	}

	async #oneMore(encoding: Promise<void>[]): Promise<void> {
		await encoding.shift();
		const index = this.#ready++;
		for (const wake of this.#waiting.get(index) ?? []) {
			wake();
		}
		this.#waiting.delete(index);
		const now = performance.now();
		if (now - this.#lastTold > TELL_MS) {
			this.#lastTold = now;
			this.tell(this.frames);
		}
	}

	async #encode({ index, image }: Frame): Promise<void> {
		await writePicture(this.#path(index), image);
	}

	#wakeAll(): void {
		for (const wakes of this.#waiting.values()) {
			for (const wake of wakes) {
				wake();
			}
		}
		this.#waiting.clear();
	}

	/** Tells a clip that has been replaced from the one whose pictures are here. */
	async #identity(): Promise<string> {
		const { files, info } = this.clip;
		const stats = await Promise.all([files[0], files.at(-1)].map((file) => stat(file ?? '')));
		return JSON.stringify([
			files.length,
			...[info.width, info.height],
			...stats.flatMap(({ size, mtimeMs }) => [size, Math.round(mtimeMs)]),
		]);
	}
}

/** Its error is thrown to whoever waits for it, and nobody may be waiting yet. */
const handled = (promise: Promise<void>): Promise<void> => {
	promise.catch(() => undefined);
	return promise;
};

/** What a frame's picture is called. */
export const pictureName = (index: number): string => `${String(index).padStart(6, '0')}.jpg`;

/** Writes a picture for the screen. One that is made again costs little: the disk need not be waited for. */
export const writePicture = async (
	path: string,
	{ width, height, channels, data }: Raster,
): Promise<void> => {
	const jpeg = await sharp(data, { raw: { width, height, channels } })
		.resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
		.jpeg({ quality: 88 })
		.toBuffer();
	const { partial, file } = await openTemporary(path);
	try {
		await file.writeFile(jpeg).finally(() => file.close());
		await rename(partial, path);
	} catch (error) {
		await rm(partial, { force: true });
		throw error;
	}
};
