import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		globalSetup: ['test/helpers/own-home.ts', 'test/helpers/quick-program.ts'],
		// Inference and ffmpeg already use every core; parallel files would only fight over them.
		fileParallelism: false,
		testTimeout: 60_000,
		hookTimeout: 60_000,
	},
});
