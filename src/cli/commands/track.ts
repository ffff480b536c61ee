import { type Command, Option } from 'commander';
import { UserError } from '../../core/errors.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	collect,
	ffmpegOption,
	fpsOption,
	type ModelOptions,
	overwriteOption,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type TrackOptions = ModelOptions &
	ReportOptions & {
		readonly points?: string;
		readonly plane?: string;
		readonly at: string;
		readonly output: readonly string[];
		readonly preset?: string;
		readonly fps?: number;
		readonly ffmpeg?: string;
		readonly overwrite?: boolean;
		readonly cache: boolean;
	};

const examples = `
Examples:
  propagate track clip.mp4 --points '[[120, 80]]' -o tracks.json
  propagate track clip.mp4 --points points.csv --at 24 -o tracks.nk -o tracks.csv
  propagate track clip.mp4 --plane '[[90, 60], [210, 60], [210, 130], [90, 130]]' -o pin.setting
`;

export const registerTrack = (program: Command): void => {
	const command = program
		.command('track')
		.description('follows points, or a plane, through a clip, and writes keyframes for compositors')
		.argument('<clip>', 'video file, or folder or pattern of numbered frames')
		.optionsGroup('What is tracked:')
		.option(
			'--points <json|file>',
			'points [[x, y], …] in pixels of the frame: JSON text, or a .json or .csv file',
		)
		.addOption(
			new Option(
				'--plane <json|file>',
				'four corners of a flat thing, clockwise from the top left one, as points are given; or an image, as --edit takes it',
			).conflicts('points'),
		)
		.option(
			'--at <frame|time>',
			'the frame that they are given in: a number from 0, or a time like 1.5s',
			'0',
		)
		.optionsGroup('What is written:')
		.addOption(
			new Option(
				'-o, --output <file>',
				'.json, .csv, .jsx or .txt (After Effects), .nk (Nuke), .setting (Fusion) or .py (Natron); may be repeated',
			)
				.argParser(collect)
				.default([], 'none; --json prints the points of each frame'),
		)
		.addOption(overwriteOption())
		.optionsGroup('How:')
		.addOption(fpsOption())
		.addOption(presetOption())
		.addOption(ffmpegOption())
		.option('--no-cache', 'use nothing that earlier runs on the clip have left, and leave nothing')
		.addHelpText('after', examples);
	withReportOptions(withModelOptions(command)).action(
		async (input: string, { json, quiet, output, ...job }: TrackOptions) => {
			if (output.length === 0 && json !== true) {
				throw new UserError(
					'Nothing would come of it; name a file with -o, like -o tracks.json, or add --json.',
				);
			}
			const { trackClip } = await import('../../jobs/track-clip.js');
			const reporter = new Reporter({ json, quiet });
			let done = 0;
			const result = await trackClip({
				...job,
				...{ input, outputs: output, signal: cancelOnInterrupt() },
				onFrame: ({ frame, timeSeconds, points }, total) => {
					const places = points.map(({ x, y, visible }) => [x, y, visible]);
					reporter.record({ type: 'frame', frame, timeSeconds, points: places });
					reporter.progress({ done: ++done, total }, 'frames');
				},
			});
			reporter.end();
			reporter.record({ type: 'done', ...result });
			reporter.line(
				`${result.tracks} tracks in ${result.frames} frames, in sight in ${(100 * result.visibleShare).toFixed(0)} %`,
			);
			for (const path of result.outputs) {
				reporter.line(`wrote ${path}`);
			}
		},
	);
};
