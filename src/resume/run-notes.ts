import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomically } from '../media/atomic-file.js';

/** All that a run's results depend on, each as a fingerprint or a plain word. */
export type RunIdentity = Readonly<Record<keyof typeof meaning, string>>;

/** How a difference is told to the person. */
const meaning = {
	program: 'by another version of propagate',
	clip: 'from another clip',
	range: 'with another --start or --end',
	masks: 'with other masks',
	edit: 'with another edit',
	model: 'with another model',
	settings: 'with other settings (--preset)',
	device: 'on another device',
	ffmpeg: 'with another ffmpeg',
} as const;

const notesSchema = z.strictObject({
	about: z.string(),
	identity: z.record(z.string(), z.string()),
	outputs: z.array(z.string()),
});

const notesFolder = '.propagate-run';
const about = 'Notes of an unfinished run, by which "--resume" goes on; gone when the run is finished.';

/**
 * What an unfinished run leaves beside its PNGs, so that a later one can go on where it stopped: what the run was made
 * from. What was computed is with the results of all runs (see `openRunStores`), or in these notes' folder when the
 * person wants nothing kept.
 */
export class RunNotes {
	/** Vanishes with the notes. */
	readonly scratchFolder: string;
	readonly #folder: string;

	private constructor(
		folder: string,
		/** Every output of the run, as paths: those that exist may be replaced by it. */
		readonly outputs: readonly string[],
	) {
		this.#folder = join(folder, notesFolder);
		this.scratchFolder = join(this.#folder, 'results');
	}

	/** Begins notes in a folder of results; older ones vanish. */
	static async begin(folder: string, identity: RunIdentity, outputs: readonly string[]): Promise<RunNotes> {
		const notes = new RunNotes(folder, outputs);
		await notes.remove();
		await writeFileAtomically(
			join(notes.#folder, 'run.json'),
			Buffer.from(`${JSON.stringify({ about, identity, outputs }, undefined, '\t')}\n`),
		);
		return notes;
	}

	/**
	 * The notes that an interrupted run left in a folder; undefined when there are none that can be read.
	 *
	 * @throws UserError when that run was made from something else; the message says what
	 */
	static async reopen(folder: string, identity: RunIdentity): Promise<RunNotes | undefined> {
		const text = await readFile(join(folder, notesFolder, 'run.json'), 'utf8').catch(() => undefined);
		if (text === undefined) {
			return undefined;
		}
		const left = readNotes(text);
		if (left === undefined) {
			return undefined;
		}
		for (const [fact, words] of Object.entries(meaning)) {
			if (left.identity[fact] !== identity[fact as keyof RunIdentity]) {
				throw new UserError(
					`The frames in "${folder}" were made ${words}; repeat the first command to resume, or add --overwrite to begin anew.`,
				);
			}
		}
		return new RunNotes(folder, left.outputs);
	}

	/** The run is finished, or another begins. */
	async remove(): Promise<void> {
		await rm(this.#folder, { recursive: true, force: true });
	}
}

const readNotes = (text: string): z.infer<typeof notesSchema> | undefined => {
	try {
		return notesSchema.parse(JSON.parse(text));
	} catch {
		return undefined;
	}
};
