import { createHash } from 'node:crypto';
import type { Keyframe, LabelMap } from '../core/frame.js';
import { openRegularFile } from '../core/regular-file.js';
import type { Size } from '../core/size.js';
import type { Position } from '../media/position.js';

/** All that a run's results depend on, each as a fingerprint or a plain word. */
export type RunIdentity = {
	readonly program: string;
	/** See {@link clipIdentity}. */
	readonly clip: string;
	/** See {@link rangeIdentity}. */
	readonly range: string;
	readonly masks: string;
	/** What is carried besides masks; empty when nothing is. */
	readonly edit: string;
	readonly model: string;
	readonly settings: string;
	readonly device: string;
	/** Version of the ffmpeg that decodes; empty for still images, which are read without it. */
	readonly ffmpeg: string;
	/** What else the pictures of frames depend on that stay from run to run: their format and numbers; undefined for masks with usual names. */
	readonly frames?: string;
};

/** What a pass depends on besides its mask. */
export type PassIdentity = Pick<RunIdentity, 'clip' | 'range' | 'model' | 'settings' | 'device' | 'ffmpeg'>;

/** SHA-256, in hexadecimal, of anything that JSON can say. */
export const fingerprint = (value: unknown): string =>
	createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** A clip by all of its contents, wherever it lies. @param files the video, or the images in order */
export const clipIdentity = async (
	{ files, info }: { readonly files: readonly string[]; readonly info: { readonly frameRate: number } },
	signal?: AbortSignal,
): Promise<string> => {
	const hash = createHash('sha256').update(`${info.frameRate}`);
	for (const file of files) {
		hash.update('\0');
		for await (const chunk of (await openRegularFile(file)).createReadStream({
			highWaterMark: 1 << 20,
			signal,
		})) {
			hash.update(chunk as Buffer);
		}
	}
	return hash.digest('hex');
};

/** The same for the same places, however they are typed. */
export const rangeIdentity = ({
	start,
	end,
}: {
	readonly start?: Position | undefined;
	readonly end?: Position | undefined;
}): string => fingerprint([start ?? { frame: 0 }, end ?? null]);

/** An image or a mask by its size and contents, however its file stores them. */
export const pixelsIdentity = ({ width, height }: Size, contents: Uint8Array): string =>
	createHash('sha256').update(`${width}x${height}:`).update(contents).digest('hex');

/** A painted mask, whatever its colours. */
export const maskIdentity = (mask: LabelMap): string => pixelsIdentity(mask, mask.ids);

/** The painted masks of a run, with the colours that results get. */
export const masksIdentity = (keyframes: readonly Keyframe[]): string =>
	fingerprint(
		keyframes.map(({ frame, mask }) => [
			frame,
			maskIdentity(mask),
			Buffer.from(mask.palette).toString('hex'),
		]),
	);
