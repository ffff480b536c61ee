import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/**
 * The page of `propagate studio`, built into the program's own folder: it is served from there and nowhere else.
 *
 * Preact, because a stage that is drawn by hand and a few panels need no more than components and signals: it is a tenth of React's size, TypeScript
 * compiles its JSX without a compiler of its own (as Svelte and Solid want one), and it has been kept well for ten years.
 */
export default defineConfig({
	root: fileURLToPath(new URL('.', import.meta.url)),
	base: '/',
	build: {
		outDir: '../dist/studio/page',
		emptyOutDir: true,
		// The server's content security policy allows no script in the page, and no address but its own.
		modulePreload: { polyfill: false },
		assetsInlineLimit: 0,
		// Of what is bundled into the page.
		license: { fileName: 'licences.md' },
	},
	logLevel: 'warn',
});
