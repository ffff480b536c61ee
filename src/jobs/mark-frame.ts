import { z } from 'zod';
import { requireFree } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { openMarker } from '../masks/hints/click-decoder.js';
import type { Hints, Stroke } from '../masks/hints/hints.js';
import { openClip } from '../media/clip.js';
import { davisPalette } from '../media/davis-palette.js';
import { requireDistinct } from '../media/distinct-files.js';
import { frameAt } from '../media/frame-at.js';
import { readImage } from '../media/image.js';
import { requireImageFile } from '../media/image-file.js';
import { writeIndexedPng } from '../media/indexed-png.js';
import { parsePosition } from '../media/position.js';
import type { RuntimeOptions } from '../runtime/session.js';

export type MarkFrameJob = RuntimeOptions & {
	/** Video file, folder or pattern of frames, or a single image. */
	readonly input: string;
	/** Which frame: a number from 0, or a time like `1.5s`. Default: the first. */
	readonly at?: string | undefined;
	/** JSON: `{"object": [[x, y], …], "background": [[x, y], …]}`, in pixels as displayed, pixel centres at integers. */
	readonly points?: string | undefined;
	/** As `points`, of lines through points: `{"object": [[[x, y], [x, y], …], …], "background": […]}`. */
	readonly strokes?: string | undefined;
	/** `x1,y1,x2,y2`: a box that the object is in, its corners within. */
	readonly box?: string | undefined;
	/** An indexed PNG. */
	readonly output: string;
	readonly overwrite?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type MarkFrameResult = {
	readonly output: string;
	readonly width: number;
	readonly height: number;
	/** In the clip, from 0: the number that the mask is given with. */
	readonly frame: number;
	/** Of the picture, 0..1. */
	readonly share: number;
};

/**
 * Makes a mask of one frame from points, strokes or a box: what `propagate mask` does.
 *
 * @throws UserError for hints that can't be understood or lie outside the picture, an output that is read, and as {@link openClip}
 */
export const markFrame = async (job: MarkFrameJob): Promise<MarkFrameResult> => {
	const { input, output, overwrite } = job;
	const hints = readHints(job);
	if (!/\.png$/i.test(output)) {
		throw new UserError(`A mask is a PNG, but "${output}" is not a name for one; end it in .png.`);
	}
	await requireFree([output], overwrite);
	const { image, index, files } = await frameOf(job);
	await requireDistinct([output], files);
	const { width, height } = image;
	requireInside(hints, input, { width, height });
	const marker = await openMarker(job);
	try {
		const ids = await (await marker.open(image)).mask(hints);
		await writeIndexedPng(output, { width, height, ids, palette: davisPalette });
		const marked = ids.reduce((sum, id) => sum + (id === 0 ? 0 : 1), 0);
		return { output, width, height, frame: index, share: marked / ids.length };
	} finally {
		await marker.close();
	}
};

const frameOf = async ({
	input,
	at = '0',
	ffmpeg,
	signal,
}: MarkFrameJob): Promise<Pick<Frame, 'image' | 'index'> & { readonly files: readonly string[] }> => {
	const asked = parsePosition(at);
	const isPicture = await requireImageFile(input)
		.then((format) => format !== undefined)
		.catch(() => false);
	if (isPicture) {
		return { image: await readImage(input), index: 0, files: [input] };
	}
	const clip = await openClip(input, { ffmpeg, signal });
	const { image, index } = await frameAt(clip, asked, signal);
	return { image, index, files: clip.files };
};

const pointSchema = z.tuple([z.number(), z.number()]);
const bothSides = <Hint extends z.ZodType>(hint: Hint) =>
	z.strictObject({
		object: z.array(hint).max(10_000).default([]),
		background: z.array(hint).max(10_000).default([]),
	});
const clicksSchema = bothSides(pointSchema);
const strokesSchema = bothSides(z.array(pointSchema).min(1).max(10_000));

const readHints = ({ points, strokes, box }: MarkFrameJob): Hints => {
	if (points === undefined && strokes === undefined && box === undefined) {
		throw new UserError(
			'Nothing says where the object is; give --points \'{"object": [[x, y]]}\' or --box x1,y1,x2,y2.',
		);
	}
	const corners = box === undefined ? undefined : readBox(box);
	const clicks = clicksSchema.safeParse(jsonOf(points ?? '{}'));
	if (!clicks.success) {
		throw new UserError(
			'--points can\'t be understood; expected {"object": [[x, y], …], "background": [[x, y], …]}.',
		);
	}
	const lines = strokesSchema.safeParse(jsonOf(strokes ?? '{}'));
	if (!lines.success) {
		throw new UserError(
			'--strokes can\'t be understood; expected {"object": [[[x, y], [x, y], …], …], "background": […]}.',
		);
	}
	const all = (kind: 'object' | 'background'): Stroke[] => [
		...clicks.data[kind].map((point) => [point]),
		...lines.data[kind],
	];
	const hints: Hints = { object: all('object'), background: all('background'), box: corners };
	if (hints.object.length === 0 && corners === undefined) {
		const given = points === undefined ? '--strokes has no stroke' : '--points has no point';
		throw new UserError(`${given} on the object; give one in "object", or a --box.`);
	}
	return hints;
};

const jsonOf = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

const readBox = (text: string): NonNullable<Hints['box']> => {
	const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
	const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] = parts;
	if (parts.length !== 4 || !(left < right) || !(top < bottom)) {
		throw new UserError(
			`--box "${text}" is no box; expected x1,y1,x2,y2 with the left top corner first, like 120,40,360,300.`,
		);
	}
	return [left, top, right, bottom];
};

const requireInside = ({ object, background, box }: Hints, input: string, { width, height }: Size): void => {
	const corners = box === undefined ? [] : [[box[0], box[1]] as const, [box[2], box[3]] as const];
	const outside = [...object.flat(), ...background.flat(), ...corners].find(
		([x, y]) => !(x >= -0.5 && x <= width - 0.5 && y >= -0.5 && y <= height - 0.5),
	);
	if (outside !== undefined) {
		throw new UserError(
			`[${outside.join(', ')}] is outside "${input}", which is ${width}×${height}; x must be 0 to ${width - 1} and y 0 to ${height - 1}.`,
		);
	}
};
