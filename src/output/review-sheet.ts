import type { Frame, LabelMap, Raster } from '../core/frame.js';
import { requireImageName, writeImage } from '../media/image.js';
import { loadSharp } from '../media/sharp.js';
import { drawNumber } from './digits.js';
import { drawOverlay } from './overlay.js';

const COLUMNS = 4;
const ROWS = 3;
const TILES = COLUMNS * ROWS;
/** Longer side of a frame on the sheet, in pixels. */
const TILE_SIDE = 400;
const GAP = 6;
/** So many frames are held while others come in: neighbours of a bad frame are bad too, and only one of them is shown. */
const HELD = 6 * TILES;

type Reviewed = { readonly frame: Frame; readonly labels: LabelMap; readonly confidence: number };
type HeldFrame = { readonly index: number; readonly confidence: number; readonly tile: Promise<Raster<3>> };

/**
 * Collects the frames whose masks are trusted least and draws them on one sheet, with their numbers and their masks
 * outlined: the frames that are worth correcting. Holds a few dozen small pictures, however long the clip is.
 */
export class ReviewSheet {
	/** By ascending confidence. */
	#held: HeldFrame[] = [];
	#frames = 0;

	/** @throws UserError when the name is no image's */
	constructor(readonly path: string) {
		requireImageName(path);
	}

	add({ frame, labels, confidence }: Reviewed): void {
		this.#frames++;
		const worst = this.#held.at(-1);
		if (this.#held.length >= HELD && worst !== undefined && confidence >= worst.confidence) {
			return;
		}
		const tile = makeTile(frame, labels);
		// A failure is met when the sheet is written.
		tile.catch(() => {});
		this.#held.push({ index: frame.index, confidence, tile });
		this.#held.sort((a, b) => a.confidence - b.confidence);
		this.#held.length = Math.min(this.#held.length, HELD);
	}

	/** Writes the sheet: in the order of time, so that it reads like a strip of film. */
	async write(): Promise<void> {
		const chosen = this.#choose().sort((a, b) => a.index - b.index);
		const tiles = await Promise.all(chosen.map(({ tile }) => tile));
		const [first] = tiles;
		await writeImage(this.path, first === undefined ? nothingToReview : sheetOf(tiles, first));
	}

	/** Greedily by confidence, no two closer than a fair share of the clip. */
	#choose(): HeldFrame[] {
		const apart = Math.max(1, Math.floor(this.#frames / (TILES * 1.5)));
		const chosen: HeldFrame[] = [];
		for (const frame of this.#held) {
			if (chosen.length < TILES && chosen.every(({ index }) => Math.abs(index - frame.index) >= apart)) {
				chosen.push(frame);
			}
		}
		return chosen;
	}
}

/** When every frame was painted. */
const nothingToReview: Raster<3> = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) };

const makeTile = async (frame: Frame, labels: LabelMap): Promise<Raster<3>> => {
	const { width, height, data } = drawOverlay(frame.image, labels);
	const scale = Math.min(1, TILE_SIDE / Math.max(width, height));
	const sharp = loadSharp();
	const tile = await sharp(data, { raw: { width, height, channels: 3 } })
		.resize(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), { fit: 'fill' })
		.raw()
		.toBuffer({ resolveWithObject: true });
	const image: Raster<3> = {
		width: tile.info.width,
		height: tile.info.height,
		channels: 3,
		data: new Uint8Array(tile.data),
	};
	drawNumber(image, frame.number ?? frame.index, 4, 4, Math.max(1, Math.round(image.height / 70)));
	return image;
};

const sheetOf = (tiles: readonly Raster<3>[], { width, height }: Raster<3>): Raster<3> => {
	const columns = Math.min(COLUMNS, tiles.length);
	const rows = Math.ceil(tiles.length / COLUMNS);
	const sheet: Raster<3> = {
		width: columns * (width + GAP) + GAP,
		height: rows * (height + GAP) + GAP,
		channels: 3,
		data: new Uint8Array((columns * (width + GAP) + GAP) * (rows * (height + GAP) + GAP) * 3).fill(40),
	};
	for (const [at, tile] of tiles.entries()) {
		const left = GAP + (at % COLUMNS) * (width + GAP);
		const top = GAP + Math.floor(at / COLUMNS) * (height + GAP);
		for (let y = 0; y < tile.height; y++) {
			sheet.data.set(
				tile.data.subarray(y * tile.width * 3, (y + 1) * tile.width * 3),
				((top + y) * sheet.width + left) * 3,
			);
		}
	}
	return sheet;
};
