import sharp from 'sharp';
import { type HintedImage, type Hints, type Marker, openMarker, UserError } from '../index.js';
import type { Project } from './project.js';

type Looked = { readonly project: string; readonly frame: number; readonly image: Promise<HintedImage> };

/** Masks from strokes and boxes. The model is loaded with the first of them, and the frame that was looked at last is remembered. */
export class HintMarker {
	#marker: Promise<Marker> | undefined;
	#latest: Looked | undefined;

	/** Looks at a frame, so that its first stroke need not wait. */
	look(project: Project, frame: number): Promise<HintedImage> {
		if (this.#latest?.project !== project.id || this.#latest.frame !== frame) {
			this.#latest?.image.then((earlier) => earlier.close()).catch(() => undefined);
			const image = this.#describe(project, frame);
			image.catch(() => undefined);
			this.#latest = { project: project.id, frame, image };
		}
		return this.#latest.image;
	}

	/** [height * width] 1 on the object. */
	mask(project: Project, frame: number, hints: Hints): Promise<Uint8Array> {
		// In the very moment in which the image is there: whoever looks at another frame meanwhile closes it then.
		return this.look(project, frame).then((image) => image.mask(hints));
	}

	async close(): Promise<void> {
		await (await this.#marker?.catch(() => undefined))?.close();
	}

	async #describe(project: Project, frame: number): Promise<HintedImage> {
		this.#marker ??= openMarker();
		const picture = await project.pictures.get(frame);
		if (picture === undefined) {
			throw new UserError(`The clip has no frame ${frame}.`);
		}
		const { width, height } = project.clip.info;
		// What is on the screen may be smaller than the clip, which masks have the size of.
		const data = await sharp(picture).resize({ width, height, fit: 'fill' }).removeAlpha().raw().toBuffer();
		return (await this.#marker).open({ width, height, channels: 3, data });
	}
}
