/** An XML element; text is what is directly in it. */
export type XmlElement = {
	readonly name: string;
	readonly attributes: Readonly<Record<string, string>>;
	readonly children: XmlElement[];
	text: string;
};

/**
 * Reads the XML that our own writers make, strictly: what is not well-formed throws. (No package for this is among the
 * dependencies, and other programs, where installed, read the files too.)
 */
export const parseXml = (source: string): XmlElement => {
	const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
	const open = [root];
	const token =
		/<\?[^?]*\?>|<!DOCTYPE [\w]+>|<\/([\w.:-]+)>|<([\w.:-]+)((?:\s+[\w.:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
	while (token.lastIndex < source.length) {
		const at = token.lastIndex;
		const match = token.exec(source);
		const parent = open.at(-1);
		if (match === null || parent === undefined) {
			throw new Error(`Not well-formed at: ${source.slice(at, at + 60)}`);
		}
		const [, closing, name, attributes = '', isEmpty, text] = match;
		if (closing !== undefined) {
			if (open.pop()?.name !== closing) {
				throw new Error(`</${closing}> closes another element.`);
			}
		} else if (name !== undefined) {
			const element: XmlElement = { name, attributes: readAttributes(attributes), children: [], text: '' };
			parent.children.push(element);
			if (isEmpty === '') {
				open.push(element);
			}
		} else if (text !== undefined) {
			parent.text += unescaped(text);
		}
	}
	const [only, ...more] = root.children;
	if (open.length !== 1 || only === undefined || more.length > 0) {
		throw new Error('There is not exactly one whole element.');
	}
	return only;
};

/** All elements of a name, however deep. */
export const findAll = (element: XmlElement, name: string): XmlElement[] => [
	...(element.name === name ? [element] : []),
	...element.children.flatMap((child) => findAll(child, name)),
];

const readAttributes = (source: string): Record<string, string> =>
	Object.fromEntries(
		[...source.matchAll(/([\w.:-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
			name,
			unescaped(value),
		]),
	);

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescaped = (text: string): string =>
	text.replace(/&(?:#(\d+)|(\w+));|&/g, (whole, code: string | undefined, name: string | undefined) => {
		const character = code === undefined ? entities[name ?? ''] : String.fromCodePoint(Number(code));
		if (character === undefined) {
			throw new Error(`"${whole}" is not an entity.`);
		}
		return character;
	});
