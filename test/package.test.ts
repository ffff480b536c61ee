import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';

// npm packs and compresses all of it to say what is in it.
vi.setConfig({ testTimeout: 600_000 });

const root = fileURLToPath(new URL('..', import.meta.url));
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(text('package.json')) as Record<string, unknown>;

/** What `npm pack` would take. (`dist` is there because `npm test` builds first; the Blender zip is made by `prepack`.) */
const packed = (): Set<string> => {
	const told = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
		cwd: root,
		encoding: 'utf8',
		shell: process.platform === 'win32',
	});
	const parsed = JSON.parse(told) as unknown;
	// npm 11 prints a list, npm 12 an object by name.
	const [report] = Object.values(parsed as Record<string, { files: { path: string }[] }>);
	return new Set((report?.files ?? []).map(({ path }) => path));
};

const pages = [
	'README.md',
	...readdirSync(join(root, 'docs'))
		.filter((name) => name.endsWith('.md'))
		.map((name) => `docs/${name}`),
];

/** Targets of a page's links within the project, as paths from its root. */
const links = (page: string): string[] =>
	[...text(page).matchAll(/\]\(([^)\s]+)\)/g)]
		.map(([, target]) => (target ?? '').replace(/#.*$/, ''))
		.filter((target) => target !== '' && !/^[a-z]+:/.test(target))
		.map((target) => normalize(join(dirname(page), target)));

const numbersOf = (version: string): readonly [number, number] => {
	const [, major = '0', minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(version) ?? [];
	return [Number(major), Number(minor)];
};

/** Whether a range of versions, as `engines` names them, has one in it. */
const takes = (range: string, [major, minor]: readonly [number, number]): boolean =>
	range.split('||').some((part) => {
		const [least, leastMinor] = numbersOf(part);
		const isOpen = /^\s*(>|\*|$)/.test(part);
		return isOpen
			? major > least || (major === least && minor >= leastMinor)
			: major === least && minor >= leastMinor;
	});

describe('the package', () => {
	it('has its papers', () => {
		expect(manifest.name).toBe('propagate-video');
		for (const field of ['description', 'keywords', 'homepage', 'bugs', 'repository', 'author', 'license']) {
			expect(manifest[field], field).toBeTruthy();
		}
		expect(text('NOTICE')).toContain('GPL-2.0-or-later');
		expect(text('samples/LICENSE')).toContain('Version 2, June 1991');
	});

	it("does not run onnxruntime's install script, which wants to download CUDA libraries", () => {
		const lock = JSON.parse(text('package-lock.json')) as {
			packages: Record<string, { hasInstallScript?: boolean }>;
		};
		expect(lock.packages['node_modules/onnxruntime-node']).toBeDefined();
		expect(lock.packages['node_modules/onnxruntime-node']?.hasInstallScript).toBeUndefined();
		// A checkout's settings would keep `prepack` from running, and the tarball would have no program in it.
		expect(existsSync(join(root, '.npmrc')) && text('.npmrc').includes('ignore-scripts')).toBe(false);
	});

	it('needs no newer Node than it says, all that it brings included', () => {
		const lock = JSON.parse(text('package-lock.json')) as {
			packages: Record<string, { dev?: boolean; engines?: { node?: string } }>;
		};
		const own = lock.packages['']?.engines?.node ?? '';
		const tooNew = Object.entries(lock.packages)
			.filter(([, { dev, engines }]) => dev !== true && !takes(engines?.node ?? '*', numbersOf(own)))
			.map(([path, { engines }]) => `${path}: ${engines?.node}`);
		// fastify asks for any light-my-request of version 6, and from 6.8 on that needs Node 22: for its sake alone ours names an older one.
		expect(tooNew).toEqual([]);
	});

	it('holds the program, what it needs, and all that its pages link to', () => {
		const files = packed();
		for (const file of [
			'dist/cli/main.js',
			'dist/index.d.ts',
			'dist/jobs/try-device.js',
			'dist/kernels/kernels.wasm',
			'dist/studio/page/index.html',
			'models/propagate-small/manifest.json',
			'LICENSE',
			'NOTICE',
			'CHANGELOG.md',
			'CONTRIBUTING.md',
			'samples/LICENSE',
			'docs/first-mask.md',
		]) {
			expect(files, file).toContain(file);
		}
		const has = (path: string): boolean =>
			files.has(path) || [...files].some((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));
		// The checkout's own, for which the README says so.
		const ofCheckout = new Set(['Dockerfile']);
		const broken = pages.flatMap((page) =>
			links(page)
				.filter((link) => !has(link) && !ofCheckout.has(link))
				.map((link) => `${page} -> ${link}`),
		);
		expect(broken).toEqual([]);
		expect([...files].filter((file) => /\.test\.|__pycache__|\.map$/.test(file))).toEqual([]);
	});

	it.each(pages)('%s links to what is there', (page) => {
		expect(links(page).filter((link) => !existsSync(join(root, link)))).toEqual([]);
	});
});
