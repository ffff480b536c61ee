import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { BatchEvent } from '../../jobs/batch.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	ffmpegOption,
	type ModelOptions,
	positiveInteger,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { type JobDefaultsOptions, jobDefaultsOf, withJobList } from '../job-defaults.js';
import { bar, Reporter } from '../reporter.js';

type BatchOptions = JobDefaultsOptions &
	ModelOptions &
	ReportOptions & { readonly jobs: number; readonly ffmpeg?: string };

const examples = `
Examples:
  propagate batch shots -o masks                      a folder of clips, bear.mp4 with bear.png and so on
  propagate batch shots -o cut-outs --format alpha.mov
  propagate batch jobs.csv --jobs 4

The same command again goes on where it was ended. docs/batch.md says what a list may hold.`;

export const registerBatch = (program: Command): void => {
	const command = withJobList(
		program.command('batch').description('many clips from a list; what fails is told, and the rest goes on'),
	)
		.optionsGroup('How:')
		.option(
			'--jobs <n>',
			'clips that are worked on at a time, each with its share of the cores',
			positiveInteger,
			Math.min(2, availableParallelism()),
		)
		.addOption(ffmpegOption())
		.addHelpText('after', examples);
	withReportOptions(withModelOptions(command)).action(async (list: string, options: BatchOptions) => {
		const { runBatch } = await import('../../jobs/batch.js');
		const reporter = new Reporter(options);
		const board = new Board(reporter);
		const result = await runBatch({
			jobs: list,
			atOnce: options.jobs,
			defaults: jobDefaultsOf(options),
			ffmpeg: options.ffmpeg,
			signal: cancelOnInterrupt(),
			onEvent: (event) => {
				reporter.record(event);
				board.show(event);
			},
		});
		reporter.end();
		reporter.record({ ...result, type: 'done' });
		const { jobs, finished, wereFinished, failed, frames, seconds } = result;
		reporter.line(
			`${finished} of ${jobs} clips done${wereFinished > 0 ? `, ${wereFinished} were finished before` : ''}: ${frames} frames in ${seconds.toFixed(1)} s`,
		);
		if (failed > 0) {
			throw new Error(`${failed} of ${jobs} clips failed, for the reasons above; the others are done.`);
		}
	});
};

/** Shows a list at work: a line for each clip that is worked on, and one for all. */
class Board {
	readonly #running = new Map<number, { readonly clip: string; done: number; total: number | undefined }>();
	#done = 0;
	#total = 0;

	constructor(private readonly reporter: Reporter) {}

	show(event: BatchEvent): void {
		switch (event.type) {
			case 'checked':
				this.#total = event.total;
				this.reporter.progress(event, 'jobs checked');
				return;
			case 'problem':
				this.reporter.failure(`${event.name}: ${event.reason}`);
				return;
			case 'started':
				this.#running.set(event.job, { clip: basename(event.clip), done: 0, total: undefined });
				break;
			case 'note':
				this.reporter.line(`${event.clip}: note: ${event.text}`);
				break;
			case 'progress':
				this.#running.set(event.job, {
					clip: basename(event.clip),
					done: event.frame + 1,
					total: event.total,
				});
				break;
			case 'finished': {
				this.#end(event.job);
				const { wasFinished, frames, seconds, outputs } = event;
				const how = wasFinished ? 'finished before' : `${frames} frames in ${seconds.toFixed(1)} s`;
				this.reporter.line(`${event.clip}: ${how}: ${outputs.join(', ')}`);
				break;
			}
			case 'failed':
				this.#end(event.job);
				this.reporter.failure(`failed: ${event.name} (${event.clip}): ${event.reason}`);
		}
		const above = [...this.#running.values()].map(
			({ clip, done, total }) =>
				`${bar(done, total)}${total === undefined ? done : `${done}/${total}`} frames  ${clip}`,
		);
		const parts = [...this.#running.values()].map(({ done, total }) =>
			Math.min(1, done / (total ?? done + 1)),
		);
		const done = parts.reduce((sum, part) => sum + part, this.#done);
		this.reporter.progress({ done, total: this.#total }, 'clips', above);
	}

	#end(job: number): void {
		this.#running.delete(job);
		this.#done++;
	}
}
