import { bilinearAt } from '../../core/bilinear.js';
import type { Raster } from '../../core/frame.js';
import { cellsFromPixels, type GridSize, pixelsFromCells } from '../../core/size.js';
import type { ResidentTensor, Session } from '../../runtime/session.js';
import type { Float32Tensor } from '../../runtime/tensor.js';
import { idsOf } from '../tracker/soft-mask.js';
import { corrected } from './corrected.js';
import { hintMaps, sharesOf } from './hint-maps.js';
import type { Hints } from './hints.js';
import { closeUpOf, isSame, type Region, within } from './region.js';

/** What the runtime keeps of a part of an image. */
export type View = {
	readonly region: Region;
	/** Of hints, and of the decoder's answer. */
	readonly grid: GridSize;
	readonly maps: Readonly<Record<string, ResidentTensor>>;
	readonly free: () => void;
};

/** An image on which an object is marked by hints; what does not depend on them is known from the start. */
export class HintedImage {
	#closeUp: { readonly region: Region; readonly view: Promise<View> } | undefined;

	/** @param look at a part of the image */
	constructor(
		private readonly image: Raster<3>,
		private readonly whole: View,
		private readonly look: (region: Region) => Promise<View>,
		private readonly decode: Session,
	) {}

	/**
	 * Finds the object in all of the image, and then again in a close-up of it (as RITM does), where its edges are.
	 *
	 * @returns [height * width] 1 on the object
	 */
	async mask({ mask: marked, keep, ...hints }: Hints): Promise<Uint8Array> {
		const { image, whole } = this;
		const found = await this.#answer(whole, hints, marked && sharesOf(marked, image, whole.grid));
		const ids = idsIn(whole, found);
		const region = closeUpOf(image, ids, hints);
		if (region === undefined) {
			return ids;
		}
		const view = await this.#lookCloser(region);
		const part = await this.#answer(view, within(region, hints), sampled(whole, found, view));
		const mask = new Uint8Array(ids.length);
		for (const [y, row] of rowsOf(idsIn(view, part), region.width).entries()) {
			mask.set(row, (region.top + y) * image.width + region.left);
		}
		if (marked === undefined || keep !== true) {
			return mask;
		}
		return corrected(marked, mask, image, strokesOn(whole, hints), whole.grid);
	}

	/** Frees what is kept of the image, which has no masks any more. */
	close(): void {
		this.whole.free();
		this.#closeUp?.view.then((view) => view.free()).catch(() => undefined);
		this.#closeUp = undefined;
	}

	/** The last close-up is kept: a stroke seldom changes it. */
	#lookCloser(region: Region): Promise<View> {
		if (this.#closeUp === undefined || !isSame(this.#closeUp.region, region)) {
			// Whoever still waits for it asks the decoder in the very moment in which it is there, before it is freed.
			this.#closeUp?.view.then((view) => view.free()).catch(() => undefined);
			this.#closeUp = { region, view: this.look(region) };
		}
		return this.#closeUp.view;
	}

	/** [height * width] of the view's grid: the object's probability. @param hints in pixels of the view's region */
	async #answer(
		{ grid, maps, region }: View,
		hints: Hints,
		soFar: Float32Array | undefined,
	): Promise<Float32Array> {
		const answer = await this.decode.run({ ...maps, hints: hintMaps(hints, region, grid, soFar) });
		const [probability] = Object.values(answer) as [Float32Tensor];
		return probability.data;
	}
}

/** [height * width] of the view's region, 1 on the object. */
const idsIn = ({ grid, region }: View, probability: Float32Array): Uint8Array => {
	const data = Uint8Array.from(probability, (value) => Math.round(255 * value));
	return idsOf({ grid, data }, [1], region.width, region.height);
};

/** A probability on the cells of a view, brought to those of a view of a part of it. */
const sampled = (from: View, probability: Float32Array, to: View): Float32Array => {
	const { left, top, width, height } = to.region;
	const cellOf = (
		cell: number,
		cells: number,
		begin: number,
		pixels: number,
		along: 'width' | 'height',
	): number =>
		cellsFromPixels(begin + pixelsFromCells(cell, pixels, cells), from.region[along], from.grid[along]);
	const columns = Array.from({ length: to.grid.width }, (_, x) =>
		cellOf(x, to.grid.width, left, width, 'width'),
	);
	const rows = Array.from({ length: to.grid.height }, (_, y) =>
		cellOf(y, to.grid.height, top, height, 'height'),
	);
	return Float32Array.from({ length: to.grid.width * to.grid.height }, (_, cell) =>
		bilinearAt(
			probability,
			from.grid,
			columns[cell % to.grid.width]!,
			rows[Math.floor(cell / to.grid.width)]!,
		),
	);
};

const rowsOf = (ids: Uint8Array, width: number): Uint8Array[] =>
	Array.from({ length: ids.length / width }, (_, y) => ids.subarray(y * width, (y + 1) * width));

/** [height * width] of the view's grid: 1 where strokes are. */
const strokesOn = ({ region, grid }: View, { object, background }: Hints): Float32Array =>
	hintMaps({ object: [...object, ...background], background: [] }, region, grid).data.subarray(
		0,
		grid.width * grid.height,
	);
