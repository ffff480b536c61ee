import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Frame, LabelMap } from '../core/frame.js';
import { temporaryPath } from '../core/temporary-names.js';
import type { FrameResult } from './video-sink.js';

const [pack, unpack] = [promisify(deflateRaw), promisify(inflateRaw)];

type Entry = {
	readonly at: number;
	readonly bytes: number;
	readonly index: number;
	readonly timeSeconds: number;
	readonly size: Pick<LabelMap, 'width' | 'height'>;
};

/** The masks of a run in a temporary file, to be gone through again: a few kilobytes a frame, and none of it in memory. */
export class LabelSpool {
	readonly #entries: Entry[] = [];
	#end = 0;
	#palette = new Uint8Array(0);

	private constructor(
		private readonly path: string,
		private readonly file: FileHandle,
	) {}

	static async open(): Promise<LabelSpool> {
		const path = temporaryPath(join(tmpdir(), 'propagate-masks'));
		return new LabelSpool(path, await open(path, 'wx+', 0o600));
	}

	async add({ frame, labels }: FrameResult): Promise<void> {
		const { ids, palette, width, height } = labels;
		const packed = await pack(ids, { level: 1 });
		await this.file.write(packed, 0, packed.length, this.#end);
		const { index, timeSeconds } = frame;
		this.#entries.push({ at: this.#end, bytes: packed.length, index, timeSeconds, size: { width, height } });
		this.#end += packed.length;
		this.#palette = palette.slice();
	}

	/** All frames in order, with an empty picture: only their masks and times are kept. */
	async *results(): AsyncGenerator<{ frame: Frame; labels: LabelMap }, void, void> {
		for (const { at, bytes, index, timeSeconds, size } of this.#entries) {
			const packed = Buffer.alloc(bytes);
			await this.file.read(packed, 0, bytes, at);
			const ids = await unpack(packed, { maxOutputLength: size.width * size.height });
			yield {
				frame: { index, timeSeconds, image: { ...size, channels: 3, data: new Uint8Array(0) } },
				labels: { ...size, ids, palette: this.#palette },
			};
		}
	}

	async close(): Promise<void> {
		await this.file.close().catch(() => {});
		await rm(this.path, { force: true });
	}
}
