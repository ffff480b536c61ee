import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../src');

const sourcesIn = (folder: string): string[] =>
	readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((name) => /\.tsx?$/.test(name) && !name.includes('node_modules'))
		.map((name) => readFileSync(join(folder, name), 'utf8'));

/** What each file of `src` imports, types included. Paths are relative to `src`. */
const imports = new Map(
	readdirSync(root, { recursive: true, encoding: 'utf8' })
		.map((name) => name.replaceAll('\\', '/'))
		.filter((name) => name.endsWith('.ts') && !name.startsWith('kernels/assembly/'))
		.map((name) => {
			const text = readFileSync(join(root, name), 'utf8');
			const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)\.js'/g);
			const files = Array.from(found, ([, path = '']) => normalize(join(dirname(name), `${path}.ts`)));
			return [name, files.map((file) => file.replaceAll('\\', '/'))] as const;
		}),
);

/** A way from a place back to itself, if there is one. */
const cycleIn = (arrows: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined => {
	const done = new Set<string>();
	const walk = (place: string, way: readonly string[]): string[] | undefined => {
		if (way.includes(place)) {
			return [...way.slice(way.indexOf(place)), place];
		}
		if (done.has(place)) {
			return undefined;
		}
		for (const next of arrows.get(place) ?? []) {
			const cycle = walk(next, [...way, place]);
			if (cycle !== undefined) {
				return cycle;
			}
		}
		done.add(place);
		return undefined;
	};
	for (const place of arrows.keys()) {
		const cycle = walk(place, []);
		if (cycle !== undefined) {
			return cycle;
		}
	}
	return undefined;
};

/** The files by themselves, or the folders of `src` that they are in. */
const arrowsBetween = (placeOf: (file: string) => string): Map<string, Set<string>> => {
	const arrows = new Map<string, Set<string>>();
	for (const [file, imported] of imports) {
		const from = placeOf(file);
		const to = imported.map(placeOf).filter((place) => place !== from || placeOf(file) === file);
		arrows.set(from, new Set([...(arrows.get(from) ?? []), ...to]));
	}
	return arrows;
};

describe('docs/architecture.md', () => {
	const page = readFileSync(join(root, '../docs/architecture.md'), 'utf8');

	it('follows a frame through at most 15 files, which there are', () => {
		const files = Array.from(page.matchAll(/^\| +\d+ \| `src\/([^`]+)`/gm), ([, path = '']) => path);
		expect(files.length).toBeGreaterThan(10);
		expect(files.length).toBeLessThanOrEqual(15);
		expect(files.filter((file) => !imports.has(file))).toEqual([]);
	});

	it('names no other file of src that is not there', () => {
		const named = Array.from(page.matchAll(/`(?:[\w-]+\/)*([\w-]+\.ts)`/g), ([, name = '']) => name);
		const there = new Set([...imports.keys()].map((file) => basename(file)));
		expect(named.filter((name) => !there.has(name) && name !== 'imports.test.ts')).toEqual([]);
	});

	it('has a word for every folder', () => {
		const folders = new Set(
			[...imports.keys()].filter((file) => file.includes('/')).map((file) => file.replace(/\/.*/, '')),
		);
		expect([...folders].filter((folder) => !page.includes(`**\`${folder}\`**`))).toEqual([]);
	});
});

describe('exports of src', () => {
	it('are of use to another file', () => {
		const folders = ['src', 'test', 'bench', 'studio', 'plugin'];
		const texts = folders.flatMap((folder) => sourcesIn(join(root, '..', folder)));
		const imported = new Set(
			texts.flatMap((text) =>
				Array.from(
					text.matchAll(/(?:import|export) (?:type )?\{([^}]*)\} from|const \{([^}]*)\} = await import/g),
				).flatMap(([, one = '', other = '']) => (one || other).match(/\w+/g) ?? []),
			),
		);
		const unused = [...imports.keys()]
			.filter((file) => file !== 'index.ts')
			.flatMap((file) =>
				Array.from(
					readFileSync(join(root, file), 'utf8').matchAll(
						/^export (?:async )?(?:const|class|function\*?|type|interface) (\w+)/gm,
					),
					([, name = '']) => ({ file, name }),
				),
			)
			.filter(({ name }) => !imported.has(name));
		expect(unused).toEqual([]);
	});
});

describe('imports in src', () => {
	it('are of files that exist', () => {
		const missing = [...imports].flatMap(([file, imported]) =>
			imported.filter((path) => !imports.has(path)).map((path) => `${file} -> ${path}`),
		);
		expect(missing).toEqual([]);
		expect(imports.size).toBeGreaterThan(100);
	});

	it('make no circle of files', () => {
		expect(cycleIn(arrowsBetween((file) => file))).toBeUndefined();
	});

	it('make no circle of folders', () => {
		expect(cycleIn(arrowsBetween((file) => file.replace(/\/.*/, '')))).toBeUndefined();
	});

	it('do not make one use of matches the library of another', () => {
		const arrows = arrowsBetween((file) => file.replace(/\/.*/, ''));
		const uses = ['edits', 'pairs', 'tracks', 'evaluation'];
		for (const use of uses) {
			expect([...(arrows.get(use) ?? [])].filter((other) => uses.includes(other))).toEqual([]);
		}
	});

	it('would be found in a circle', () => {
		const circle = new Map([
			['a', new Set(['b'])],
			['b', new Set(['c', 'd'])],
			['c', new Set<string>()],
			['d', new Set(['b'])],
		]);
		expect(cycleIn(circle)).toEqual(['b', 'd', 'b']);
	});
});
