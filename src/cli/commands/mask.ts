import type { Command } from 'commander';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	ffmpegOption,
	type ModelOptions,
	overwriteOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type MaskOptions = ModelOptions &
	ReportOptions & {
		readonly at: string;
		readonly points?: string;
		readonly box?: string;
		readonly output: string;
		readonly ffmpeg?: string;
		readonly overwrite?: boolean;
	};

export const registerMask = (program: Command): void => {
	const command = program
		.command('mask')
		.description('makes a first mask from a few points on the object, or from a box around it')
		.argument('<clip|image>', 'video file, folder or pattern of numbered frames, or a picture')
		.option('--at <frame|time>', 'which frame: a number from 0, or a time like 1.5s or 00:00:01.5', '0')
		.option('--points <json>', 'points in pixels: {"object": [[x, y], …], "background": [[x, y], …]}')
		.option('--box <x1,y1,x2,y2>', 'a box that the object is in')
		.requiredOption('-o, --output <png>', 'mask to write')
		.addOption(ffmpegOption())
		.addOption(overwriteOption());
	withReportOptions(withModelOptions(command)).action(
		async (input: string, { json, quiet, ...job }: MaskOptions) => {
			const { markFrame } = await import('../../jobs/mark-frame.js');
			const reporter = new Reporter({ json, quiet });
			const result = await markFrame({ ...job, input, signal: cancelOnInterrupt() });
			reporter.record({ type: 'done', ...result });
			const { output, frame, share } = result;
			reporter.line(`wrote ${output}: ${(share * 100).toFixed(1)} % of frame ${frame}`);
		},
	);
};
