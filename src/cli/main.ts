#!/usr/bin/env node
import { endQuietlyWithoutReader } from './cancellation.js';
import { reportFailure } from './exit.js';
import { buildProgram } from './program.js';

endQuietlyWithoutReader();
try {
	await buildProgram().parseAsync();
} catch (error) {
	process.exitCode = reportFailure(error);
}
