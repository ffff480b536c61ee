import type { Command } from 'commander';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	ffmpegOption,
	oneOutput,
	overwriteOption,
	type ReportOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type FrameOptions = ReportOptions & {
	readonly at: string;
	readonly output: string;
	readonly ffmpeg?: string;
	readonly overwrite?: boolean;
};

export const registerFrame = (program: Command): void => {
	const command = program
		.command('frame')
		.description(
			'writes one frame as a picture, to paint a mask on: of the size and the way up that masks must be',
		)
		.argument('<clip>', 'video file, or folder or pattern of numbered frames')
		.option('--at <frame|time>', 'which frame: a number from 0, or a time like 1.5s or 00:00:01.5', '0')
		.requiredOption('-o, --output <image>', 'picture to write (.png, .jpg, .webp, .tiff)', oneOutput)
		.addOption(ffmpegOption())
		.addOption(overwriteOption());
	withReportOptions(command).action(async (input: string, { json, quiet, ...job }: FrameOptions) => {
		const { extractFrame } = await import('../../jobs/extract-frame.js');
		const reporter = new Reporter({ json, quiet });
		const result = await extractFrame({ ...job, input, signal: cancelOnInterrupt() });
		reporter.record({ type: 'done', ...result });
		const { output, width, height, frame, timeSeconds } = result;
		reporter.line(`wrote ${output}: frame ${frame}, ${timeSeconds.toFixed(2)} s, ${width}×${height}`);
		const mask = frame === 0 ? 'mask.png' : `${frame}=mask.png`;
		reporter.line(
			`paint the object on it, save it as mask.png, then: propagate ${quoted(input)} --mask ${mask} -o masks`,
		);
	});
};

const quoted = (path: string): string => (/^[\w./:\\-]+$/.test(path) ? path : JSON.stringify(path));
