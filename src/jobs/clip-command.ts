import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type PaintedFile, parsePaintedFile } from '../core/painted-file.js';
import { qualities } from '../core/quality.js';
import { isS3, joinPlace } from '../core/s3-place.js';
import { clipStem } from '../media/file-names.js';
import { maskTypes } from '../media/mask-meaning/meaning.js';
import { parseFrameRate } from '../media/position.js';
import { devices } from '../runtime/session.js';
import type { PropagateClipResult } from './clip-job.js';
import { type ClipOptions, carriesEdit, type RunContext, runOfOptions } from './clip-options.js';
import { checkRun, type RunFiles, runClip } from './run-clip.js';

/** Paths are this long at most on the systems that there are, and none has a zero in it. */
const path = z
	.string()
	.min(1)
	.max(4096)
	.refine((text) => !text.includes('\0'), 'a path has no zero byte in it');
const word = z.string().min(1).max(256);
const list = <Item extends z.ZodType>(item: Item) =>
	z.union([item.transform((one) => [one]), z.array(item).max(10_000)]);
const painted = path.refine(
	(text) => parsePaintedFile(text) !== undefined,
	'expected a file, or <frame>=<file>, like "37=mask.png"',
);
const flag = z.union([z.boolean(), z.stringbool()]);
const place = z.union([word, z.number().nonnegative().transform(String)]);

/**
 * A run of the main command as data: its options by their long names, and the clip as `input`. Left out is what belongs to whoever runs it
 * (`--json`, `--quiet`, `--ffmpeg`), and `--resume`, which is always meant.
 */
export const clipCommandSchema = z.strictObject({
	input: path,
	mask: list(painted).optional(),
	'mask-type': z.enum(maskTypes).optional(),
	edit: list(painted).optional(),
	'edit-mode': z.enum(['dense', 'planar', 'affine']).optional(),
	relight: flag.optional(),
	'linear-light': flag.optional(),
	behind: flag.optional(),
	colormap: flag.optional(),
	output: list(path).optional(),
	format: word.optional(),
	'start-number': z.coerce.number().optional(),
	for: word.optional(),
	review: path.optional(),
	alpha: z.enum(['soft', 'hard']).optional(),
	feather: z.coerce.number().optional(),
	grow: z.coerce.number().optional(),
	despill: flag.optional(),
	steady: flag.optional(),
	invert: flag.optional(),
	premultiplied: flag.optional(),
	overwrite: flag.optional(),
	start: place.optional(),
	end: place.optional(),
	fps: z
		.union([word, z.number()])
		.transform((given, context) => {
			const rate = parseFrameRate(String(given));
			if (rate === undefined) {
				context.addIssue('expected frames a second, like 24, 29.97 or 30000/1001');
				return z.NEVER;
			}
			return rate;
		})
		.optional(),
	preset: path.optional(),
	quality: z.enum(qualities).optional(),
	decoder: z.enum(['on', 'off']).optional(),
	model: path.optional(),
	device: z.enum(devices).optional(),
	threads: z.coerce.number().int().min(1).optional(),
	'no-cache': flag.optional(),
});

export type ClipCommand = z.output<typeof clipCommandSchema>;

/** As {@link RunContext}: that an interrupted run is gone on with goes without saying. */
export type CommandContext = Omit<RunContext, 'resume' | 'keepsNotes'>;

const isFile = (name: string, extension: string): boolean => name.toLowerCase().endsWith(extension);
const isPath = (name: string): boolean => /[/\\]/.test(name) || name === '.' || name === '..';

/** The same command with all of its paths changed; names of models and presets are no paths. */
export const mapPaths = (command: ClipCommand, change: (path: string) => string): ClipCommand => {
	const { mask, output, edit, review, preset, model } = command;
	return {
		...command,
		input: change(command.input),
		...(mask && { mask: mask.map((text) => changePainted(text, change)) }),
		...(output && { output: output.map(change) }),
		...(edit && { edit: edit.map((text) => changePainted(text, change)) }),
		...(review !== undefined && { review: change(review) }),
		...(preset !== undefined && isFile(preset, '.json') && { preset: change(preset) }),
		...(model !== undefined && isPath(model) && { model: change(model) }),
	};
};

const changePainted = (text: string, change: (path: string) => string): string => {
	const file = parsePaintedFile(text);
	return file === undefined ? text : `${file.frame}=${change(file.path)}`;
};

/** Files of painted frames: masks and edits. */
export const paintedPathsOf = ({ mask = [], edit = [] }: Pick<ClipCommand, 'mask' | 'edit'>): string[] =>
	[...mask, ...edit].map((text) => parsePaintedFile(text)?.path).filter((path) => path !== undefined);

/** The same command with paths that hold from anywhere. @param folder that its paths are relative to */
export const absoluteCommand = (command: ClipCommand, folder: string): ClipCommand =>
	mapPaths(command, (name) => absolutePlace(folder, name));

/** A place in S3 as it is, and a path as one that holds from anywhere. A slash at its end makes a name a folder's, and stays. */
export const absolutePlace = (folder: string, name: string): string => {
	if (isS3(name)) {
		return name;
	}
	const absolute = resolve(folder, name);
	return /[/\\]$/.test(name) ? join(absolute, '/') : absolute;
};

/** A place in a folder for the results of a command that names none: one that is called as the clip. */
export const outputInFolder = (
	{ input, format, edit, colormap, for: editor }: ClipCommand,
	folder: string,
): string => {
	if (editor !== undefined) {
		return joinPlace(folder, '/');
	}
	const form = format ?? (carriesEdit({ edit, colormap }) ? 'edit.mp4' : 'png');
	return joinPlace(folder, form === 'png' ? clipStem(input) : `${clipStem(input)}-${form}`);
};

const paintedFiles = (texts: readonly string[]): PaintedFile[] =>
	texts.map(parsePaintedFile).filter((file) => file !== undefined);

/** The command's options as the program's own command line gives them. */
const optionsOf = (command: ClipCommand): ClipOptions => {
	const { mask = [], edit, 'mask-type': maskType, 'edit-mode': editMode } = command;
	return {
		...command,
		...{ maskType, editMode, linearLight: command['linear-light'], startNumber: command['start-number'] },
		...{ mask: paintedFiles(mask), edit: edit && paintedFiles(edit) },
		cache: command['no-cache'] !== true,
	};
};

/** What a command asks for; what an earlier run has finished of it stays. @throws UserError for an editor that there is no preset of */
const runOf = (command: ClipCommand, context: CommandContext) =>
	runOfOptions(command.input, optionsOf(command), { ...context, resume: true, keepsNotes: true });

/**
 * Sees whether a command could begin: its clip, masks and edit are read, its settings and outputs settled. Nothing is written.
 *
 * @returns what it reads and writes
 * @throws UserError for bad input
 */
export const checkClipCommand = async (command: ClipCommand, context: CommandContext): Promise<RunFiles> => {
	const { job, kind } = await runOf(command, context);
	return checkRun(job, kind);
};

/**
 * Does what a command asks for, see {@link runClip}. What an earlier run of the same command has finished stays,
 * and what it has begun is gone on with.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const runClipCommand = async (
	command: ClipCommand,
	context: CommandContext,
): Promise<PropagateClipResult> => {
	const { job, kind } = await runOf(command, context);
	return runClip(job, kind);
};
