import type { MaskKind } from '../../src/studio/protocol';
import type { ProjectApi } from './api';

/** Decoded pictures and masks that are kept, in bytes: some seconds of a clip, whatever its length. */
const PICTURE_BYTES = 192 * 2 ** 20;
const EDITED_BYTES = 128 * 2 ** 20;
const MASK_BYTES = 64 * 2 ** 20;

export type CachedMask = { readonly kind: MaskKind; readonly ids: Uint8Array<ArrayBuffer> | undefined };

/** What was asked for lately, up to so many bytes; what is asked for twice is fetched once. */
class Recent<Value> {
	readonly #entries = new Map<number, { readonly value: Promise<Value>; bytes: number }>();
	#bytes = 0;

	constructor(
		private readonly most: number,
		private readonly bytesOf: (value: Value) => number,
		private readonly release: (value: Value) => void = () => {},
	) {}

	get(key: number, make: () => Promise<Value>): Promise<Value> {
		const known = this.#entries.get(key);
		if (known !== undefined) {
			this.#entries.delete(key);
			this.#entries.set(key, known);
			return known.value;
		}
		const entry = { value: make(), bytes: 0 };
		this.#entries.set(key, entry);
		entry.value.then(
			(value) => {
				if (this.#entries.get(key) === entry) {
					entry.bytes = this.bytesOf(value);
					this.#bytes += entry.bytes;
					this.#shrink(key);
				}
			},
			() => {
				if (this.#entries.get(key) === entry) {
					this.#entries.delete(key);
				}
			},
		);
		return entry.value;
	}

	set(key: number, value: Value): void {
		this.forget(key);
		this.get(key, () => Promise.resolve(value));
	}

	forget(key: number): void {
		const entry = this.#entries.get(key);
		if (entry !== undefined) {
			this.#entries.delete(key);
			this.#bytes -= entry.bytes;
			// Somebody may be drawing it at this moment: what is released must not be in use.
			setTimeout(() => entry.value.then(this.release, () => {}), 1000);
		}
	}

	clear(): void {
		for (const key of [...this.#entries.keys()]) {
			this.forget(key);
		}
	}

	#shrink(except: number): void {
		for (const key of [...this.#entries.keys()]) {
			if (this.#bytes <= this.most) {
				return;
			}
			if (key !== except) {
				this.forget(key);
			}
		}
	}
}

/** The frames of a project, as the page shows them. */
export class FrameCache {
	readonly #pictures = new Recent<ImageBitmap>(
		PICTURE_BYTES,
		({ width, height }) => width * height * 4,
		(picture) => picture.close(),
	);
	readonly #edited = new Recent<ImageBitmap | undefined>(
		EDITED_BYTES,
		(picture) => (picture?.width ?? 0) * (picture?.height ?? 0) * 4 + 64,
		(picture) => picture?.close(),
	);
	readonly #masks = new Recent<CachedMask>(MASK_BYTES, ({ ids }) => (ids?.length ?? 0) + 64);
	readonly #controller = new AbortController();

	constructor(private readonly api: ProjectApi) {}

	picture(frame: number): Promise<ImageBitmap> {
		return this.#pictures.get(frame, () => this.api.picture(frame, this.#controller.signal));
	}

	/** A frame with the edit in it; undefined where it has not been carried to. */
	edited(frame: number): Promise<ImageBitmap | undefined> {
		return this.#edited.get(frame, () => this.api.edited(frame, this.#controller.signal));
	}

	/** @param frame all when undefined */
	forgetEdited(frame?: number): void {
		if (frame === undefined) {
			this.#edited.clear();
		} else {
			this.#edited.forget(frame);
		}
	}

	mask(frame: number): Promise<CachedMask> {
		return this.#masks.get(frame, () => this.api.mask(frame, this.#controller.signal));
	}

	/** The mask as it is now: what was changed while it was on its way is waited for instead. */
	async newestMask(frame: number): Promise<CachedMask> {
		for (;;) {
			const asked = this.mask(frame);
			const mask = await asked;
			if (this.mask(frame) === asked) {
				return mask;
			}
		}
	}

	setMask(frame: number, mask: CachedMask): void {
		this.#masks.set(frame, mask);
	}

	forgetMask(frame: number): void {
		this.#masks.forget(frame);
	}

	forgetMasks(): void {
		this.#masks.clear();
	}

	close(): void {
		this.#controller.abort();
		this.#pictures.clear();
		this.#edited.clear();
		this.#masks.clear();
	}
}
