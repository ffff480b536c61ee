import { defineConfig } from 'vitest/config';

// Tests in the real editors: `npm run test:hosts`. What they need is installed by test/plugin/install-hosts.sh.
export default defineConfig({
	test: {
		include: ['test/plugin/**/*.host.ts'],
		globalSetup: ['test/helpers/own-home.ts'],
		fileParallelism: false,
		// Some run the real engine and a program that draws without a graphics card, on whatever machine there is.
		testTimeout: 600_000,
		hookTimeout: 300_000,
	},
});
