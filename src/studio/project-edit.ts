import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import sharp from 'sharp';
import { z } from 'zod';
import { readOwnFile, readOwnJson } from '../core/regular-file.js';
import type { Size } from '../core/size.js';
import { type Clip, type Raster, readImageWithAlpha, UserError, writeFileAtomically } from '../index.js';
import { pictureName, writePicture } from './picture-store.js';
import { ProjectChanges, requireProjectThere } from './project-folder.js';
import { type EditChange, type EditState, editModeSchema, type NewEdit, placeSchema } from './protocol.js';
import { placedSticker, placeIn } from './sticker.js';

const MOST_PICTURE_BYTES = 128 * 2 ** 20;

const editSchema = z.object({
	source: z.string().regex(/^[\w-]+\.png$/),
	name: z.string(),
	frame: z.int().min(0),
	kind: z.enum(['picture', 'sticker']),
	width: z.int().min(1),
	height: z.int().min(1),
	place: placeSchema,
	mode: editModeSchema,
	relight: z.boolean(),
	behind: z.boolean().default(false),
});
type EditFile = z.infer<typeof editSchema>;

const notesSchema = z.object({ key: z.string(), to: z.int().min(0) });
type Notes = z.infer<typeof notesSchema>;

/**
 * The picture that is carried through a project's clip, and the frames with it in them, as they are shown:
 *
 *     edit/      edit.json, the picture as it was loaded, and a sticker in its place: the layer that the command line takes
 *     edited/    frames with the edit in them, for the screen, and what they were made from
 *
 * What is loaded or moved is on disk when it is acknowledged.
 */
export class ProjectEdit {
	#file: EditFile | undefined;
	#carried: Notes = { key: '', to: 0 };
	/** The revision that the placed layer on disk is of. */
	#placed: number | undefined;
	readonly #changes: ProjectChanges;
	readonly #folder: string;
	readonly #pictures: string;

	/** @param changed called when what {@link state} says may be another */
	constructor(
		private readonly folder: string,
		private readonly clip: Clip,
		private readonly changed: () => void,
	) {
		this.#changes = new ProjectChanges(folder);
		this.#folder = join(folder, 'edit');
		this.#pictures = join(folder, 'edited');
	}

	/** Reads what an earlier time has left; what can't be read is none. */
	async open(): Promise<void> {
		this.#file = await readOwnJson(join(this.#folder, 'edit.json'), editSchema);
		this.#carried = (await readOwnJson(join(this.#pictures, 'notes.json'), notesSchema)) ?? this.#carried;
	}

	get frame(): number | undefined {
		return this.#file?.frame;
	}

	/** Another one for every edit; 0 where there is none. */
	get revision(): number {
		return this.#file === undefined ? 0 : revisionOf(this.#file);
	}

	/** @param key of what an edit would be carried with now */
	state(key: string): EditState | null {
		if (this.#file === undefined) {
			return null;
		}
		const { source: _, ...told } = this.#file;
		const isCurrent = this.#carried.key === key;
		return { ...told, revision: this.revision, carriedTo: Math.max(told.frame, this.#carried.to), isCurrent };
	}

	/** What is handed to the engine. @throws UserError when there is no edit, or it lies outside of the picture */
	async options(): Promise<
		Pick<EditFile, 'frame' | 'mode' | 'relight' | 'behind'> & { readonly edit: string }
	> {
		const file = this.#file;
		if (file === undefined) {
			throw new UserError('There is no edit yet: load a retouched frame or a sticker first.');
		}
		const { frame, mode, relight, behind, kind } = file;
		if (kind === 'picture') {
			return { frame, mode, relight, behind, edit: join(this.#folder, file.source) };
		}
		const path = join(this.#folder, 'layer.png');
		const revision = revisionOf(file);
		if (this.#placed !== revision) {
			const layer = await placedSticker(await this.#source(file), file.place, this.clip.info);
			await writeFileAtomically(path, await pngOf(layer));
			this.#placed = revision;
		}
		return { frame, mode, relight, behind, edit: path };
	}

	/** The picture as it was loaded, a PNG. */
	async picture(): Promise<Buffer | undefined> {
		return this.#file && readOwnFile(join(this.#folder, this.#file.source)).catch(() => undefined);
	}

	/** A frame with the edit in it, a JPEG; undefined where it has not been carried to. */
	async carried(frame: number): Promise<Buffer | undefined> {
		const isThere = this.#file !== undefined && frame >= this.#file.frame && frame < this.#carried.to;
		return isThere ? readOwnFile(join(this.#pictures, pictureName(frame))).catch(() => undefined) : undefined;
	}

	/**
	 * Takes another picture. A picture of the clip's size is a retouched frame or a layer, any other a sticker.
	 *
	 * @param announced how many bytes will come, if that is told
	 * @returns false when somebody else has changed the edit meanwhile
	 * @throws UserError when it is no picture, or too large a one
	 */
	load({ frame, name, basis, x, y, size }: NewEdit, content: Readable, announced = 0): Promise<boolean> {
		return this.#changes.make(async () => {
			if (announced > MOST_PICTURE_BYTES) {
				throw tooLarge();
			}
			if (this.revision !== basis) {
				return false;
			}
			const image = await this.#received(content);
			const { width, height } = image;
			const { info } = this.clip;
			const kind = width === info.width && height === info.height ? 'picture' : 'sticker';
			const isOpaque = image.data.every((value, at) => at % 4 !== 3 || value === 255);
			if (kind === 'sticker' && isOpaque && isAlike(image, info)) {
				throw new UserError(
					`A retouched frame must have the clip's size, ${info.width}×${info.height}; this one has ${width}×${height}.`,
				);
			}
			if (image.data.every((value, at) => at % 4 !== 3 || value === 0)) {
				throw new UserError('This picture is fully transparent.');
			}
			const source = `${randomUUID()}.png`;
			await writeFileAtomically(join(this.#folder, source), await pngOf(image));
			const { mode, relight, behind } = this.#file ?? { mode: 'dense', relight: false, behind: false };
			await this.#replace({
				...{ source, name, frame, kind, width, height, mode, relight, behind },
				place:
					kind === 'sticker'
						? placeIn(image, x, y, size)
						: { x: width / 2, y: height / 2, scale: 1, angle: 0 },
			});
			return true;
		});
	}

	/** @returns false when somebody else has changed the edit meanwhile @throws UserError when there is none */
	change(change: EditChange, basis: number): Promise<boolean> {
		return this.#changes.make(async () => {
			if (this.#file === undefined) {
				throw new UserError('There is no edit any more.');
			}
			if (this.revision !== basis) {
				return false;
			}
			await this.#replace({ ...this.#file, ...change });
			return true;
		});
	}

	/** Takes the edit away. @returns false when somebody else has changed it meanwhile */
	remove(basis: number): Promise<boolean> {
		return this.#changes.make(async () => {
			if (this.revision !== basis) {
				return false;
			}
			this.#file = undefined;
			await rm(join(this.#folder, 'edit.json'), { force: true });
			await rm(this.#folder, { recursive: true, force: true });
			await this.#forgetCarried();
			this.changed();
			return true;
		});
	}

	/** The edit begins to be carried: what was carried with something else in mind goes. */
	async beginCarrying(key: string): Promise<void> {
		requireProjectThere(this.folder);
		if (this.#carried.key !== key) {
			await this.#forgetCarried();
			this.#carried = { key, to: 0 };
		}
		await mkdir(this.#pictures, { recursive: true });
		this.changed();
	}

	/** A frame with the edit in it, for the screen. @param key of what it was carried with */
	async keep(frame: number, edited: Raster<3>, key: string): Promise<void> {
		// Another edit has been loaded since.
		if (this.#carried.key === key && this.#file !== undefined) {
			requireProjectThere(this.folder);
			await writePicture(join(this.#pictures, pictureName(frame)), edited);
			this.#carried = { key, to: Math.max(this.#carried.to, frame + 1) };
		}
	}

	async writeNotes(): Promise<void> {
		if (this.#carried.key !== '') {
			await writeFileAtomically(
				join(this.#pictures, 'notes.json'),
				Buffer.from(JSON.stringify(this.#carried)),
			);
		}
	}

	async #replace(file: EditFile): Promise<void> {
		const old = this.#file;
		await writeFileAtomically(
			join(this.#folder, 'edit.json'),
			Buffer.from(`${JSON.stringify(file, null, '\t')}\n`),
		);
		this.#file = file;
		if (old !== undefined && old.source !== file.source) {
			await rm(join(this.#folder, old.source), { force: true });
		}
		if (old?.source !== file.source || old.frame !== file.frame) {
			await this.#forgetCarried();
		}
		this.changed();
	}

	async #forgetCarried(): Promise<void> {
		this.#carried = { key: '', to: 0 };
		await rm(this.#pictures, { recursive: true, force: true });
	}

	async #source({ source }: EditFile): Promise<Raster<4>> {
		return readImageWithAlpha(join(this.#folder, source)).catch(() => {
			throw new UserError("The edit's picture has gone from the project; load it again.");
		});
	}

	async #received(content: Readable): Promise<Raster<4>> {
		await mkdir(this.#folder, { recursive: true });
		const path = join(this.#folder, `.loading-${randomUUID()}`);
		const counted = async function* (): AsyncGenerator<Buffer> {
			let bytes = 0;
			for await (const chunk of content) {
				bytes += (chunk as Buffer).length;
				if (bytes > MOST_PICTURE_BYTES) {
					throw tooLarge();
				}
				yield chunk as Buffer;
			}
		};
		try {
			await pipeline(Readable.from(counted()), createWriteStream(path));
			return await readImageWithAlpha(path);
		} catch (error) {
			throw error instanceof UserError
				? new UserError(error.message.replaceAll(`"${path}"`, 'This file'))
				: error;
		} finally {
			await rm(path, { force: true });
		}
	}
}

const tooLarge = (): UserError => new UserError("A picture of more than 128 MB can't be loaded.");

/** Of the same form, within a pixel of the smaller one. */
const isAlike = (a: Size, b: Size): boolean =>
	Math.abs(a.width / a.height - b.width / b.height) < 1 / Math.min(a.height, b.height);

const pngOf = ({ width, height, data }: Raster<4>): Promise<Buffer> =>
	sharp(data, { raw: { width, height, channels: 4 } })
		.png({ compressionLevel: 4 })
		.toBuffer();

const revisionOf = (file: EditFile): number =>
	Number.parseInt(createHash('sha256').update(JSON.stringify(file)).digest('hex').slice(0, 12), 16) + 1;
