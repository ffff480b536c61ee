import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import Papa from 'papaparse';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { readFailure, readGivenText } from '../core/given-file.js';
import { openRegularFile } from '../core/regular-file.js';
import {
	absoluteCommand,
	absolutePlace,
	type ClipCommand,
	clipCommandSchema,
	outputInFolder,
} from './clip-command.js';

/** What jobs of a list do that do not say otherwise. */
export type JobDefaults = Pick<
	ClipCommand,
	'format' | 'for' | 'preset' | 'quality' | 'model' | 'device' | 'threads' | 'overwrite'
> & {
	/** Folder for the results of jobs that name no output: each gets a place called as its clip. */
	readonly results?: string | undefined;
};

/** A job of a list, or why it can't be done. */
export type ListedJob =
	/** `name`: as the list calls it, for people. */
	| { readonly name: string; readonly command: ClipCommand }
	| { readonly name: string; readonly problem: string };

const EXPECTED =
	'expected [{"input": "clip.mp4", "mask": "first.png", "output": "masks"}, …], with any option of the main command by its long name';

/**
 * Reads a list of jobs: `.json` (a list, or an object whose `jobs` is one), `.jsonl` (one a line), `.csv` (a column for each option; several
 * values in a cell are separated by semicolons), or a folder of clips with a mask of the same name beside each. Paths are relative to the
 * list's folder, and absolute in what is given out. A table and lines are read piece by piece, so that their length costs no memory.
 *
 * @throws UserError when there is no such list, or nothing in it; what is wrong with a single job is given out in its place
 */
export async function* readJobList(
	path: string,
	defaults: JobDefaults = {},
): AsyncGenerator<ListedJob, void, void> {
	const found = await stat(path).catch((error: unknown) => {
		throw readFailure(`The list "${path}"`, error);
	});
	const isFolder = found.isDirectory();
	const folder = resolve(isFolder ? path : dirname(path));
	let count = 0;
	for await (const { name, value, problem } of isFolder ? await clipsOfFolder(path) : jobsOfFile(path)) {
		count++;
		yield problem === undefined ? listedJob(name, value, folder, defaults) : { name, problem };
	}
	if (count === 0) {
		throw new UserError(
			isFolder
				? `"${path}" holds no clips; expected videos, each with a mask of the same name beside it: bear.mp4 and bear.png.`
				: `The list "${path}" has no jobs; ${EXPECTED}.`,
		);
	}
}

type RawJob = { readonly name: string; readonly value?: unknown; readonly problem?: string };

const listedJob = (
	name: string,
	value: unknown,
	folder: string,
	{ results, ...defaults }: JobDefaults,
): ListedJob => {
	const parsed = clipCommandSchema.safeParse(value);
	if (!parsed.success) {
		return { name, problem: sentence(parsed.error) };
	}
	const given = absoluteCommand(parsed.data, folder);
	// A job that says where it goes, or for which program, needs no format of the list.
	const { format, for: editor, ...others } = defaults;
	const says = given.format !== undefined || given.for !== undefined || given.output !== undefined;
	const command = {
		...stated(absoluteCommand({ input: '.', ...stated(others) }, '.')),
		...(says ? {} : stated({ format, for: editor })),
		...given,
	};
	if (command.output !== undefined) {
		return { name, command };
	}
	return results === undefined
		? { name, problem: 'it names no "output"; add one, or give a folder for all results with -o' }
		: { name, command: { ...command, output: [outputInFolder(command, absolutePlace('.', results))] } };
};

/** An object without what is undefined, so that it can be laid under another one. */
const stated = <Values extends object>(values: Values): Values =>
	Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Values;

const sentence = (error: z.ZodError): string => {
	const [issue] = error.issues;
	if (issue?.code === 'unrecognized_keys') {
		return `there is no option "${issue.keys[0]}"; the options are the long names of "propagate --help"`;
	}
	if (issue?.code === 'invalid_type' && issue.path.length === 0) {
		return EXPECTED;
	}
	return issue === undefined ? EXPECTED : `"${issue.path.join('.')}": ${issue.message}`;
};

async function* jobsOfFile(path: string): AsyncGenerator<RawJob, void, void> {
	switch (extname(path).toLowerCase()) {
		case '.csv':
			return yield* jobsOfCsv(path);
		case '.jsonl':
		case '.ndjson':
			return yield* jobsOfLines(path);
		default:
			return yield* jobsOfJson(await readGivenText(path, `The list "${path}"`), path);
	}
}

async function* jobsOfLines(path: string): AsyncGenerator<RawJob, void, void> {
	let at = 0;
	for await (const line of createInterface({
		input: (await openRegularFile(path)).createReadStream({ encoding: 'utf8' }),
	})) {
		at++;
		const text = line.replace(/^\ufeff/, '').trim();
		if (text === '') {
			continue;
		}
		const name = `line ${at} of ${basename(path)}`;
		try {
			yield { name, value: JSON.parse(text) };
		} catch (error) {
			yield { name, problem: `it is not valid JSON (${messageOf(error)})` };
		}
	}
}

const listSchema = z.union([
	z.array(z.unknown()),
	z.strictObject({ jobs: z.array(z.unknown()) }).transform(({ jobs }) => jobs),
]);

const jobsOfJson = (text: string, path: string): RawJob[] => {
	let document: unknown;
	try {
		document = JSON.parse(text);
	} catch (error) {
		throw new UserError(`The list "${path}" is not valid JSON (${messageOf(error)}); ${EXPECTED}.`);
	}
	const jobs = listSchema.safeParse(document);
	if (!jobs.success) {
		throw new UserError(`The list "${path}" can't be used; ${EXPECTED}.`);
	}
	return jobs.data.map((value, at) => ({ name: `job ${at + 1} of ${basename(path)}`, value }));
};

/** Columns whose cells may hold several values. */
const several: readonly string[] = ['mask', 'output'];

/** What Papa Parse calls the cells of a row that there are no columns for. */
const EXTRA = '__parsed_extra';

async function* jobsOfCsv(path: string): AsyncGenerator<RawJob, void, void> {
	const seen = new Set<string>();
	const parser = Papa.parse(Papa.NODE_STREAM_INPUT, {
		header: true,
		skipEmptyLines: 'greedy',
		// Papa Parse renames the second of two alike, and prints a word about it.
		transformHeader: (name, at) => {
			const column = name
				.replace(/^\ufeff/, '')
				.trim()
				.toLowerCase();
			const isNew = !seen.has(column);
			seen.add(column);
			return isNew ? column : `${column}, again in column ${(at ?? 0) + 1}`;
		},
	});
	const source = (await openRegularFile(path)).createReadStream();
	source.on('error', (error) => parser.destroy(error));
	source.pipe(parser);
	let at = 0;
	for await (const row of parser as AsyncIterable<Record<string, string>>) {
		at++;
		if (!Object.hasOwn(row, 'input')) {
			throw new UserError(
				`The list "${path}" has no column "input"; expected a first line like input,mask,output, with any option of the main command as a column.`,
			);
		}
		const name = `row ${at} of ${basename(path)}`;
		if (Object.hasOwn(row, EXTRA)) {
			yield { name, problem: 'it has more cells than there are columns; put a cell with a comma in quotes' };
			continue;
		}
		const cells = Object.entries(row).flatMap(([option, cell]) => {
			const text = cell.trim();
			const parts = text.split(';').map((part) => part.trim());
			return text === '' ? [] : [[option, several.includes(option) ? parts : text] as const];
		});
		yield { name, value: Object.fromEntries(cells) };
	}
}

const videoName = /\.(mp4|m4v|mov|mkv|webm|avi|mxf|wmv|flv|mpe?g|m2v|ts|mts|m2ts|vob|ogv|3gp|3g2|y4m)$/i;
const maskName = /\.(png|jpe?g|webp|tiff?|gif|bmp)$/i;
const stemOf = (name: string): string => name.slice(0, name.length - extname(name).length);

/** The videos of a folder, and its folders of frames, each with the mask of its name. Folders without one are something else. */
const clipsOfFolder = async (folder: string): Promise<RawJob[]> => {
	const entries = await readdir(folder, { withFileTypes: true });
	const names = entries.map(({ name }) => name).filter((name) => !name.startsWith('.'));
	const masks = names.filter((name) => maskName.test(name));
	const isFolder = new Map(
		await Promise.all(
			names.map(async (name) => [name, (await stat(join(folder, name))).isDirectory()] as const),
		),
	);
	return names
		.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
		.flatMap((name): RawJob[] => {
			const isFrames = isFolder.get(name) === true;
			const own = masks.filter((mask) => stemOf(mask) === (isFrames ? name : stemOf(name)));
			if (isFrames ? own.length === 0 : !videoName.test(name)) {
				return [];
			}
			const [mask, another] = own;
			if (mask === undefined) {
				return [{ name, problem: `it has no mask of its name beside it; expected ${stemOf(name)}.png` }];
			}
			return another === undefined
				? [{ name, value: { input: name, mask } }]
				: [{ name, problem: `both ${mask} and ${another} could be its mask; leave one of them` }];
		});
};
