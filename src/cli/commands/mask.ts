import type { Command } from 'commander';
import type { Device } from '../../runtime/session.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	ffmpegOption,
	overwriteOption,
	type ReportOptions,
	withDeviceOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type MaskOptions = ReportOptions & {
	readonly device: Device;
	readonly threads?: number;
	readonly at: string;
	readonly points?: string;
	readonly strokes?: string;
	readonly box?: string;
	readonly output: string;
	readonly ffmpeg?: string;
	readonly overwrite?: boolean;
};

export const registerMask = (program: Command): void => {
	const command = program
		.command('mask')
		.description('makes a first mask from a few points or strokes on the object, or from a box around it')
		.argument('<clip|image>', 'video file, folder or pattern of numbered frames, or a picture')
		.option('--at <frame|time>', 'which frame: a number from 0, or a time like 1.5s or 00:00:01.5', '0')
		.option('--points <json>', 'points in pixels: {"object": [[x, y], …], "background": [[x, y], …]}')
		.option(
			'--strokes <json>',
			'lines through points: {"object": [[[x, y], [x, y], …], …], "background": […]}',
		)
		.option('--box <x1,y1,x2,y2>', 'a box that the object is in')
		.requiredOption('-o, --output <png>', 'mask to write')
		.addOption(ffmpegOption())
		.addOption(overwriteOption());
	withReportOptions(withDeviceOptions(command.optionsGroup('Device:'))).action(
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
