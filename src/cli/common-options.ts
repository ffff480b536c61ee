import { type Command, InvalidArgumentError, Option } from 'commander';
import { qualities } from '../core/quality.js';
import { parseFrameRate } from '../media/position.js';
import { pointModes } from '../pairs/modes.js';
import { type Device, devices } from '../runtime/session.js';

/** Options that every command which runs a model has. */
export type ModelOptions = {
	readonly model?: string;
	readonly device: Device;
	readonly threads?: number;
};

export const positiveInteger = (text: string): number => {
	const value = Number(text);
	if (!Number.isInteger(value) || value < 1) {
		throw new InvalidArgumentError('Expected a whole number from 1.');
	}
	return value;
};

/** Adds `--device` and `--threads`. */
export const withDeviceOptions = (command: Command): Command =>
	command
		.addOption(new Option('--device <device>', 'where inference runs').choices(devices).default('auto'))
		.option('--threads <n>', 'CPU threads of the model (default: all cores)', positiveInteger);

/** Adds `--model`, `--device` and `--threads`. */
export const withModelOptions = (command: Command): Command =>
	withDeviceOptions(
		command
			.optionsGroup('Model and device:')
			.option('--model <name|folder>', 'model to use (default: the bundled one)'),
	);

/** `--preset` of commands that work on images. */
export const presetOption = (): Option =>
	new Option(
		'--preset <name|file.json>',
		'model and maps to use (see "propagate presets list"); --model replaces the model',
	);

export const qualityOption = (): Option =>
	new Option('--quality <level>', 'speed or quality (default: as the preset says)').choices(qualities);

export const ffmpegOption = (): Option =>
	new Option('--ffmpeg <path>', 'ffmpeg to use (default: see "propagate doctor")');

const frameRate = (text: string): number => {
	const rate = parseFrameRate(text);
	if (rate === undefined) {
		throw new InvalidArgumentError('Expected frames a second, like 24, 29.97 or 30000/1001.');
	}
	return rate;
};

/** `--fps` of commands that read folders of frames. */
export const fpsOption = (): Option =>
	new Option(
		'--fps <rate>',
		'frames a second of a folder of frames: 24, or 24000/1001 (default: 25)',
	).argParser(frameRate);

/** Of options that may be repeated. */
export const collect = (text: string, values: readonly string[]): readonly string[] => [...values, text];

/** Of commands that make one file of a kind: two would be meant as two files. */
export const oneOutput = (text: string, earlier: string | undefined): string => {
	if (earlier !== undefined) {
		throw new InvalidArgumentError(`Expected one output; "${earlier}" is given already.`);
	}
	return text;
};

/** The same on every command that writes. */
export const overwriteOption = (): Option => new Option('--overwrite', 'replace outputs that exist');

/** Options that every command has: all report. */
export type ReportOptions = { readonly json?: boolean; readonly quiet?: boolean };

/** Adds `--json` and `--quiet`. */
export const withReportOptions = (command: Command): Command =>
	command
		.optionsGroup('What is printed:')
		.option('--json', 'print JSON on stdout, one value a line, and nothing for people')
		.option('-q, --quiet', 'print nothing but errors')
		.helpOption('-h, --help', 'show this help');

/** Adds `--mode` of commands that find points in another image. */
export const withPointMode = (command: Command): Command =>
	command.addOption(
		new Option(
			'--mode <mode>',
			'smooth: with the help of the surroundings; nearest: each point on its own; paper: as the released code',
		)
			.choices(pointModes)
			.default('smooth'),
	);
