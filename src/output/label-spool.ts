import { type FileHandle, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { writeFailure } from '../core/atomic-file.js';
import type { LabelMap } from '../core/frame.js';
import { scratchPath } from '../core/temporary-names.js';
import type { Matte } from '../mattes/mattes.js';
import type { FrameResult } from './video-sink.js';

const [pack, unpack] = [promisify(deflateRaw), promisify(inflateRaw)];

type Piece = { readonly at: number; readonly bytes: number };

type Entry = {
	readonly labels: Piece;
	/** By object; none where objects are opaque or not. */
	readonly mattes: ReadonlyMap<number, Piece> | undefined;
	readonly index: number;
	readonly timeSeconds: number;
	readonly size: Pick<LabelMap, 'width' | 'height'>;
};

/** The masks of a run, and the mattes of some objects, in a temporary file, to be gone through again: none of it is in memory. */
export class LabelSpool {
	readonly #entries: Entry[] = [];
	#end = 0;
	#palette = new Uint8Array(0);

	private constructor(
		private readonly path: string,
		private readonly file: FileHandle,
		private readonly objects: readonly number[],
	) {}

	/** @param objects whose mattes are kept, too */
	static async open(objects: readonly number[]): Promise<LabelSpool> {
		const path = await scratchPath('propagate-masks');
		const file = await open(path, 'wx+', 0o600).catch((error: unknown) => {
			throw writeFailure(path, error);
		});
		return new LabelSpool(path, file, objects);
	}

	async add({ frame, labels, mattes }: FrameResult): Promise<void> {
		const { ids, palette, width, height } = labels;
		const { index, timeSeconds } = frame;
		const ofObjects = new Map<number, Piece>();
		for (const id of mattes === undefined ? [] : this.objects) {
			ofObjects.set(id, await this.#put(mattes?.of(id).data ?? new Uint8Array(0)));
		}
		this.#entries.push({
			...{ labels: await this.#put(ids), mattes: mattes && ofObjects },
			...{ index, timeSeconds, size: { width, height } },
		});
		this.#palette = palette.slice();
	}

	/** All frames in order, with an empty picture: only their masks, mattes and times are kept. @param objects whose mattes are wanted */
	async *results(objects: readonly number[]): AsyncGenerator<FrameResult, void, void> {
		for (const { labels, mattes, index, timeSeconds, size } of this.#entries) {
			const pixels = size.width * size.height;
			const matte = (data: Uint8Array): Matte => ({
				...{ ...size, data },
				...{ channels: 1, deep: Uint16Array.from(data, (value) => value * 257) },
			});
			const alphas = new Map<number, Matte>();
			for (const id of objects) {
				const piece = mattes?.get(id);
				if (piece !== undefined) {
					alphas.set(id, matte(await this.#take(piece, pixels)));
				}
			}
			const none = matte(new Uint8Array(mattes === undefined ? 0 : pixels));
			yield {
				frame: { index, timeSeconds, image: { ...size, channels: 3, data: new Uint8Array(0) } },
				labels: { ...size, ids: await this.#take(labels, pixels), palette: this.#palette },
				mattes: mattes && { all: none, of: (id) => alphas.get(id) ?? none, coloursOf: (picture) => picture },
			};
		}
	}

	async #put(bytes: Uint8Array): Promise<Piece> {
		const packed = await pack(bytes, { level: 1 });
		const piece = { at: this.#end, bytes: packed.length };
		await writeAll(this.file, packed, piece.at).catch((error: unknown) => {
			throw writeFailure(this.path, error);
		});
		this.#end += packed.length;
		return piece;
	}

	async #take({ at, bytes }: Piece, maxOutputLength: number): Promise<Uint8Array> {
		const packed = Buffer.alloc(bytes);
		await this.file.read(packed, 0, bytes, at);
		return unpack(packed, { maxOutputLength });
	}

	async close(): Promise<void> {
		await this.file.close().catch(() => {});
		await rm(this.path, { force: true });
	}
}

/** A disk that is nearly full takes a part, and only then says so. */
const writeAll = async (file: FileHandle, bytes: Uint8Array, at: number): Promise<void> => {
	for (let done = 0; done < bytes.length; ) {
		done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
	}
};
