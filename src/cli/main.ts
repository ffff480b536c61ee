#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { registerDoctor } from './commands/doctor.js';
import { registerEval } from './commands/eval.js';
import { registerFeatures } from './commands/features.js';
import { registerGenerate } from './commands/generate.js';
import { registerModels } from './commands/models.js';
import { registerPresets } from './commands/presets.js';
import { registerPropagate } from './commands/propagate.js';
import { registerWeights } from './commands/weights.js';
import { reportFailure } from './exit.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

// Commands load the engine when they run, so that --help and wrong usage answer at once.
const program = new Command('propagate')
	.description('Paint the first frame, get the whole clip.')
	.version(version)
	.exitOverride()
	.showHelpAfterError('(see propagate --help)')
	.enablePositionalOptions();

for (const register of [
	registerPropagate,
	registerEval,
	registerFeatures,
	registerGenerate,
	registerModels,
	registerWeights,
	registerPresets,
	registerDoctor,
]) {
	register(program);
}

try {
	await program.parseAsync();
} catch (error) {
	process.exitCode = reportFailure(error);
}
