#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { registerDoctor } from './commands/doctor.js';
import { registerEval } from './commands/eval.js';
import { registerFeatures } from './commands/features.js';
import { registerGenerate } from './commands/generate.js';
import { registerKeypoints } from './commands/keypoints.js';
import { registerMatch } from './commands/match.js';
import { registerModels } from './commands/models.js';
import { registerObs } from './commands/obs.js';
import { registerPaper } from './commands/paper.js';
import { registerPresets } from './commands/presets.js';
import { registerPropagate } from './commands/propagate.js';
import { registerWarp } from './commands/warp.js';
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
	registerMatch,
	registerKeypoints,
	registerGenerate,
	registerModels,
	registerWarp,
	registerWeights,
	registerPaper,
	registerPresets,
	registerObs,
	registerDoctor,
]) {
	register(program);
}

try {
	await program.parseAsync();
} catch (error) {
	process.exitCode = reportFailure(error);
}
