/**
 * Text as a terminal may show it: names of files and words of other programs can hold sequences that move the cursor, change the
 * title or type for the person. Line breaks stay where `keepLines` is set.
 */
export const printable = (text: string, keepLines = false): string =>
	text.replace(controls, (character) =>
		keepLines && character === '\n' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
	);

/** C0 and C1 controls, DEL, and what reverses the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
