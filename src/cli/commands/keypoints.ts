import { type Command, Option } from 'commander';
import { type JobFormat, jobFormats } from '../../pairs/keypoint-job.js';
import type { PointMode } from '../../pairs/modes.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	positiveInteger,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withPointMode,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type KeypointsOptions = ModelOptions &
	ReportOptions & {
		readonly preset?: string;
		readonly mode: PointMode;
		readonly output: string;
		readonly format?: JobFormat;
		readonly images?: string;
		readonly workers?: number;
		readonly overwrite?: boolean;
	};

export const registerKeypoints = (program: Command): void => {
	const command = program
		.command('keypoints')
		.description('carries keypoints between many images; every image is described once')
		.argument('<jobs>', 'job file: .json (own, COCO keypoints or SPair pairs) or .csv')
		.requiredOption('-o, --output <file>', 'results: .json or .csv', oneOutput)
		.addOption(
			new Option('--format <format>', "format of the results (default: the job file's)").choices(jobFormats),
		)
		.option('--images <folder>', "folder that image names are relative to (default: the job file's)")
		.option('--workers <n>', 'images that are described at once (default: 1)', positiveInteger)
		.addOption(presetOption())
		.addOption(overwriteOption());
	withReportOptions(withModelOptions(withPointMode(command))).action(
		async (jobs: string, options: KeypointsOptions) => {
			const { json, quiet, ...job } = options;
			const { transferKeypoints } = await import('../../jobs/transfer-keypoints.js');
			const reporter = new Reporter({ json, quiet });
			const result = await transferKeypoints({
				...job,
				jobs,
				signal: cancelOnInterrupt(),
				onProgress: (done, total, stage) => {
					reporter.record({ type: 'progress', stage, done, total });
					reporter.progress({ done, total }, stage);
				},
				onFailure: (what, reason) => {
					reporter.record({ type: 'failure', what, reason });
					reporter.end();
					if (json !== true) {
						process.stderr.write(`failed: ${what}: ${reason}\n`);
					}
				},
			});
			reporter.end();
			reporter.record({ type: 'done', ...result });
			reporter.line(
				`${result.jobs} jobs, ${result.images} images: ${result.computed} described, ${result.cached} known already; wrote ${result.output}`,
			);
			if (result.failedJobs > 0 || result.failedImages > 0) {
				throw new Error(
					`${result.failedJobs} of ${result.jobs} jobs failed, for the reasons above; the others are in ${result.output}.`,
				);
			}
		},
	);
};
