#!/usr/bin/env node
import { endQuietlyWithoutReader } from './cancellation.js';
import { reportFailure } from './exit.js';
import { restartedWithinLimit } from './limited-memory.js';

endQuietlyWithoutReader();
try {
	if (!(await restartedWithinLimit())) {
		const { buildProgram } = await import('./program.js');
		await buildProgram().parseAsync();
	}
} catch (error) {
	process.exitCode = reportFailure(error);
}
