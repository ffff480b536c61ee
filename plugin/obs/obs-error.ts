/** Something the person at the keyboard can put right: one sentence that says what is wrong and what would be right. */
export class ObsError extends Error {
	override name = 'ObsError';
}

/** OBS went away; a watcher tries again, everything else gives up. */
export class ConnectionLost extends Error {
	override name = 'ConnectionLost';
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** C0 and C1 controls, DEL, and what reverses the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text as a terminal may show it: names that OBS gives can hold sequences that a terminal obeys. */
export const printable = (text: string, keepLines = false): string =>
	text.replace(controls, (character) =>
		keepLines && character === '\n' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
	);
