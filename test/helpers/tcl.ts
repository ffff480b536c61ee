/**
 * A Tcl list as its words, by the rules of the language (Tcl(n), list): words in braces or quotes are one, whatever is in them.
 *
 * @throws Error for braces or quotes that do not match
 */
export const parseTclList = (text: string): string[] => {
	const words: string[] = [];
	let at = 0;
	while (at < text.length) {
		if (/\s/.test(text[at]!)) {
			at++;
			continue;
		}
		const opened = text[at];
		const start = at;
		if (opened === '{') {
			let depth = 0;
			do {
				depth += text[at] === '{' ? 1 : text[at] === '}' ? -1 : 0;
				at++;
			} while (depth > 0 && at < text.length);
			if (depth > 0) {
				throw new Error(`A brace at ${start} is not closed.`);
			}
			words.push(text.slice(start + 1, at - 1));
		} else if (opened === '"') {
			at = text.indexOf('"', start + 1) + 1;
			if (at === 0) {
				throw new Error(`A quote at ${start} is not closed.`);
			}
			words.push(text.slice(start + 1, at - 1));
		} else {
			while (at < text.length && !/\s/.test(text[at]!)) {
				at++;
			}
			const word = text.slice(start, at);
			if (/[{}"]/.test(word)) {
				throw new Error(`"${word}" has a brace or quote within.`);
			}
			words.push(word);
			continue;
		}
		if (at < text.length && !/\s/.test(text[at]!)) {
			throw new Error(`Something follows a closed word at ${at}.`);
		}
	}
	return words;
};

/** The nodes of a Nuke script: `Class { knob value … }`; commands before them are left out. */
export const parseNukeNodes = (
	text: string,
): { readonly type: string; readonly knobs: ReadonlyMap<string, string> }[] => {
	const words = parseTclList(text);
	return words.flatMap((word, at) => {
		const body = words[at + 1];
		if (!/^[A-Z]\w+$/.test(word) || body === undefined || !body.includes('\n')) {
			return [];
		}
		const inner = parseTclList(body);
		if (inner.length % 2 !== 0) {
			throw new Error(`${word} has a knob without a value.`);
		}
		return [
			{
				type: word,
				knobs: new Map(inner.flatMap((name, i) => (i % 2 === 0 ? [[name, inner[i + 1]!] as const] : []))),
			},
		];
	});
};

/** Keys of a Nuke curve by frame: `curve L x1 10 x2 12 14`, where a value without a frame belongs to the next one. */
export const parseCurve = (text: string): Map<number, number> => {
	const [head, ...words] = parseTclList(text);
	if (head !== 'curve') {
		throw new Error(`"${text}" is no curve.`);
	}
	const keys = new Map<number, number>();
	let frame = 0;
	for (const word of words) {
		if (/^x-?\d+$/.test(word)) {
			frame = Number(word.slice(1));
		} else if (/^-?[\d.]+$/.test(word)) {
			keys.set(frame++, Number(word));
		} else if (!/^[CLKRS]$/.test(word)) {
			throw new Error(`A curve has no "${word}".`);
		}
	}
	return keys;
};
