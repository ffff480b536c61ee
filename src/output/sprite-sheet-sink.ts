import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { type WrittenFile, writeFailure } from '../core/atomic-file.js';
import type { Raster } from '../core/frame.js';
import { frameFileName } from '../media/frame-names.js';
import { loadSharp } from '../media/sharp.js';
import { cutOut } from './compositing.js';
import { GrowingFile, ReservedFile } from './growing-file.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

/** Sheets are no larger than every graphics card takes, unless a single frame is. */
const sheetSide = 4096;

/** Empty pixels between sprites, so that filtering does not mix neighbours. */
const gap = 1;

type Box = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };

type Sprite = {
	readonly filename: string;
	/** In the sheet. */
	readonly frame: Box;
	readonly rotated: false;
	readonly trimmed: boolean;
	/** Where the sprite is in its frame. */
	readonly spriteSourceSize: Box;
	readonly sourceSize: { readonly w: number; readonly h: number };
	/** Seconds from the start of the source. */
	readonly time: number;
};

type Sheet = {
	readonly image: { readonly width: number; readonly height: number; readonly data: Uint8Array };
	readonly sprites: Sprite[];
	/** Where the next sprite goes, and the height of the row it is in. */
	x: number;
	y: number;
	rowHeight: number;
	usedWidth: number;
};

/**
 * The cut-out of every frame, trimmed to what is visible, in rows on one PNG with alpha, and a JSON file beside it that
 * tells where each is, in the layout of TexturePacker's "JSON (Array)" that PixiJS and Phaser read. What does not fit
 * goes to further sheets (`sprites-2.png`), so that memory holds only one.
 */
export const openSpriteSheets = async (path: string, existing: Existing): Promise<VideoSink> => {
	return new SpriteSheets(path, existing, await reserveSheet(path, existing));
};

/** Where a sheet and what is said of it go. */
type SheetPlaces = { readonly place: ReservedFile; readonly json: GrowingFile };

const reserveSheet = async (path: string, existing: Existing): Promise<SheetPlaces> => {
	const { place, file } = await ReservedFile.take(path, existing);
	await file.close();
	try {
		return { place, json: await GrowingFile.open(jsonPath(path), existing) };
	} catch (error) {
		await place.abort();
		throw error;
	}
};

type FinishedSheet = SheetPlaces & {
	readonly path: string;
	readonly size: { readonly w: number; readonly h: number };
	readonly sprites: readonly Sprite[];
};

const jsonPath = (path: string): string => `${path.slice(0, path.length - extname(path).length)}.json`;

class SpriteSheets implements VideoSink {
	/** Sheets that are complete, under their temporary names. */
	readonly #finished: FinishedSheet[] = [];
	#sheet: Sheet | undefined;

	constructor(
		private readonly path: string,
		private readonly existing: Existing,
		/** Of the first sheet; further ones take theirs when they are needed. */
		private readonly first: SheetPlaces,
	) {}

	async write(result: FrameResult): Promise<void> {
		const image = cutOut(result, false);
		const box = visibleBox(image);
		const { frame } = result;
		let place = this.#sheet && placeIn(this.#sheet, box);
		if (this.#sheet === undefined || place === undefined) {
			await this.#finishSheet();
			this.#sheet = newSheet(Math.max(sheetSide, image.width), Math.max(sheetSide, image.height));
			place = placeIn(this.#sheet, box) ?? { x: 0, y: 0 };
		}
		copyBox(image, box, this.#sheet.image, place);
		this.#sheet.sprites.push({
			filename: frameFileName(frame.number ?? frame.index),
			frame: { ...place, w: box.w, h: box.h },
			rotated: false,
			trimmed: box.w < image.width || box.h < image.height,
			spriteSourceSize: box,
			sourceSize: { w: image.width, h: image.height },
			time: frame.timeSeconds,
		});
	}

	async finish(): Promise<readonly WrittenFile[]> {
		try {
			await this.#finishSheet();
			const files: WrittenFile[] = [];
			const names = this.#finished.map(({ path }) => basename(jsonPath(path)));
			for (const [at, { path, place, json: file, size, sprites }] of this.#finished.entries()) {
				const others = names.filter((_, other) => other !== at);
				const json = {
					frames: sprites,
					meta: {
						...{
							app: 'propagate',
							version: '1.0',
							image: basename(path),
							format: 'RGBA8888',
							size,
							scale: '1',
						},
						...(others.length > 0 ? { related_multi_packs: others } : {}),
					},
				};
				await file.append(`${JSON.stringify(json, undefined, '\t')}\n`);
				files.push(await place.finish(), await file.finish());
			}
			return files;
		} catch (error) {
			await this.abort();
			throw writeFailure(this.path, error);
		}
	}

	async abort(): Promise<void> {
		const begun = [this.first, ...this.#finished];
		await Promise.all(begun.flatMap(({ place, json }) => [place.abort(), json.abort()]));
	}

	async #finishSheet(): Promise<void> {
		if (this.#sheet === undefined) {
			return;
		}
		const { image, sprites, usedWidth, y, rowHeight } = this.#sheet;
		this.#sheet = undefined;
		const number = this.#finished.length + 1;
		const extension = extname(this.path);
		const path = number === 1 ? this.path : `${this.path.slice(0, -extension.length)}-${number}${extension}`;
		const { place, json } = number === 1 ? this.first : await reserveSheet(path, this.existing);
		const size = { w: Math.max(1, usedWidth), h: Math.max(1, y + rowHeight) };
		const { width, height, data } = image;
		this.#finished.push({ path, place, json, size, sprites });
		const sharp = loadSharp();
		const png = await sharp(data, { raw: { width, height, channels: 4 } })
			.extract({ left: 0, top: 0, width: size.w, height: size.h })
			.png()
			.toBuffer();
		await writeFile(place.partial, png).catch((error: unknown) => {
			throw writeFailure(path, error);
		});
	}
}

const newSheet = (width: number, height: number): Sheet => ({
	image: { width, height, data: new Uint8Array(width * height * 4) },
	sprites: [],
	...{ x: 0, y: 0, rowHeight: 0, usedWidth: 0 },
});

/** Takes room for a sprite, in the present row or a new one; undefined when there is none. */
const placeIn = (sheet: Sheet, { w, h }: Box): { x: number; y: number } | undefined => {
	const { width, height } = sheet.image;
	if (sheet.x > 0 && sheet.x + w > width) {
		sheet.y += sheet.rowHeight + gap;
		sheet.x = 0;
		sheet.rowHeight = 0;
	}
	if (sheet.x + w > width || sheet.y + h > height) {
		return undefined;
	}
	const place = { x: sheet.x, y: sheet.y };
	sheet.x += w + gap;
	sheet.rowHeight = Math.max(sheet.rowHeight, h);
	sheet.usedWidth = Math.max(sheet.usedWidth, place.x + w);
	return place;
};

/** What is not fully transparent; one pixel when nothing is visible, because no program takes an empty sprite. */
const visibleBox = ({ width, height, data }: Raster<4>): Box => {
	let [left, top, right, bottom] = [width, height, -1, -1];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if ((data[(y * width + x) * 4 + 3] ?? 0) > 0) {
				left = Math.min(left, x);
				right = Math.max(right, x);
				top = Math.min(top, y);
				bottom = y;
			}
		}
	}
	return right < 0
		? { x: 0, y: 0, w: 1, h: 1 }
		: { x: left, y: top, w: right - left + 1, h: bottom - top + 1 };
};

const copyBox = (from: Raster<4>, box: Box, to: Sheet['image'], place: { x: number; y: number }): void => {
	for (let row = 0; row < box.h; row++) {
		const begin = ((box.y + row) * from.width + box.x) * 4;
		to.data.set(from.data.subarray(begin, begin + box.w * 4), ((place.y + row) * to.width + place.x) * 4);
	}
};
