import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		globalSetup: ['test/helpers/own-home.ts', 'test/helpers/quick-program.ts'],
		// Most of the time goes into programs that start, on one core each. Inference and ffmpeg use every core: more would only fight over them.
		maxWorkers: 2,
		testTimeout: 120_000,
		hookTimeout: 120_000,
	},
});
