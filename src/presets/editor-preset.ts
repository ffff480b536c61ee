import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { clipStem, namesFolder } from '../media/file-names.js';

/** What a host program wants to be given: `propagate … --for <name>` writes it. */
const editorPresetSchema = z.strictObject({
	name: z.string().regex(/^[a-z][a-z-]*$/),
	program: z.string().min(1),
	/** Name of an output format (`alpha.mov`, `matte.mkv`, …). */
	format: z.string().min(1),
	/** File name of the result, in a folder of its own where there are many; `{clip}` stands for the input's name without its extension. */
	fileName: z.string().regex(/^\{clip\}-[\w.-]+(\/\{clip\}-[\w.-]+%0\dd\.\w+)?$/),
	/** What the first picture is called of a clip whose frames have no numbers. */
	firstNumber: z.int().nonnegative().optional(),
	/** How colour and alpha are stored; how the program has to interpret the file. */
	alpha: z.enum(['straight', 'premultiplied']),
	/** What to set so that colours and matte values come out as written. */
	colour: z.string().min(1),
	/** What to do with the file in the program. */
	howToOpen: z.string().min(1),
	/** Other formats that suit the program, and what for. */
	alternatives: z.array(z.strictObject({ format: z.string().min(1), when: z.string().min(1) })),
	verified: z.strictObject({
		/** `program`: opened in the program itself and its pixels compared; `file`: the file inspected, the program not run. */
		by: z.enum(['program', 'file']),
		with: z.string().min(1),
		what: z.string().min(1),
	}),
});

export type EditorPreset = z.infer<typeof editorPresetSchema>;

const editorsFolder = fileURLToPath(new URL('../../presets/editors/', import.meta.url));

/** Names of the programs that `--for` takes. */
export const editorNames = async (): Promise<string[]> => {
	const files = await readdir(editorsFolder);
	return files
		.filter((file) => extname(file) === '.json')
		.map((file) => basename(file, '.json'))
		.sort();
};

/**
 * Loads the preset of a program.
 *
 * @throws UserError when there is none of that name; the message lists those there are
 */
export const loadEditorPreset = async (name: string): Promise<EditorPreset> => {
	const names = await editorNames();
	if (!names.includes(name)) {
		throw new UserError(`There is no editor preset "${name}"; there are ${names.join(', ')}.`);
	}
	const text = await readFile(join(editorsFolder, `${name}.json`), 'utf8');
	return editorPresetSchema.parse(JSON.parse(text));
};

/** The file name that the preset gives to the result for a clip, e.g. `bear-alpha.mov`. */
export const editorFileName = (preset: EditorPreset, clip: string): string =>
	preset.fileName.replaceAll('{clip}', () => clipStem(clip));

/**
 * Where results for a program go: a folder gets a file of the preset's name in it, a file name is kept, and without
 * any output the file goes into the working folder.
 */
export const editorOutputs = async (
	preset: EditorPreset,
	clip: string,
	outputs: readonly string[],
): Promise<string[]> => {
	const name = editorFileName(preset, clip);
	const places = outputs.length === 0 ? ['.'] : outputs;
	return Promise.all(
		places.map(async (place) => {
			return (await namesFolder(place)) ? join(place, name) : place;
		}),
	);
};
