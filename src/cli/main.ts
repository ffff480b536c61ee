#!/usr/bin/env node
import { endQuietlyWithoutReader } from './cancellation.js';
import { reportFailure } from './exit.js';
import { restartedWithinLimit } from './limited-memory.js';
import { buildProgram } from './program.js';

endQuietlyWithoutReader();
try {
	if (!(await restartedWithinLimit())) {
		await buildProgram().parseAsync();
	}
} catch (error) {
	process.exitCode = reportFailure(error);
}
