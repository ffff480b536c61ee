import { createRequire } from 'node:module';
import { Command } from 'commander';
import { registerBatch } from './commands/batch.js';
import { registerCache } from './commands/cache.js';
import { registerDoctor } from './commands/doctor.js';
import { registerEval } from './commands/eval.js';
import { registerFeatures } from './commands/features.js';
import { registerFormats } from './commands/formats.js';
import { registerFrame } from './commands/frame.js';
import { registerGenerate } from './commands/generate.js';
import { registerKeypoints } from './commands/keypoints.js';
import { registerMask } from './commands/mask.js';
import { registerMatch } from './commands/match.js';
import { registerModels } from './commands/models.js';
import { registerObs } from './commands/obs.js';
import { registerPaper } from './commands/paper.js';
import { registerPresets } from './commands/presets.js';
import { registerPropagate } from './commands/propagate.js';
import { registerQueue } from './commands/queue.js';
import { registerStudio } from './commands/studio.js';
import { registerTrack } from './commands/track.js';
import { registerWarp } from './commands/warp.js';
import { registerWeights } from './commands/weights.js';
import { usageError } from './usage-error.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const groups: readonly (readonly [string, readonly ((program: Command) => void)[]])[] = [
	[
		'Clips:',
		[
			registerPropagate,
			registerStudio,
			registerBatch,
			registerQueue,
			registerFrame,
			registerMask,
			registerTrack,
			registerFormats,
			registerPresets,
			registerObs,
		],
	],
	['Pairs of images:', [registerWarp, registerMatch, registerKeypoints, registerFeatures, registerGenerate]],
	['This installation:', [registerDoctor, registerCache, registerModels]],
	['Measuring:', [registerEval, registerPaper, registerWeights]],
];
/** The whole command line. Commands load the engine when they run, so that --help and wrong usage answer at once. */
export const buildProgram = (): Command => {
	const program = new Command('propagate')
		.description('Paint the first frame, get the whole clip.')
		.usage('<clip> --mask <image> [-o <path>]   or   propagate <command>')
		.configureOutput({ outputError: () => {} })
		.helpCommand(false)
		.enablePositionalOptions();
	for (const [heading, registers] of groups) {
		program.commandsGroup(heading);
		for (const register of registers) {
			register(program);
		}
	}
	program.optionsGroup('More:').version(version, '-V, --version', 'print the version');
	tellUsage(program);
	return program;
};

/** Has wrong usage of a command, and of those below it, thrown as a sentence. Help and the version are thrown as they are. */
const tellUsage = (command: Command): void => {
	command.exitOverride((error) => {
		throw error.code === 'commander.help' || error.exitCode === 0 ? error : usageError(command, error);
	});
	for (const child of command.commands) {
		tellUsage(child);
	}
};
