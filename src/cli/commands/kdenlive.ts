import type { Command } from 'commander';

type ProjectOptions = {
	readonly output: string;
	readonly ffmpeg?: string;
	readonly overwrite?: boolean;
};

export const registerKdenlive = (program: Command): void => {
	const kdenlive = program.command('kdenlive').description('Kdenlive: projects of a clip and its cut-out');
	kdenlive
		.command('project')
		.description('write a project: the clip with its sound, and the cut-out on a track above')
		.argument('<clip>', 'the video that was propagated through')
		.argument('<cut-out>', 'its object on transparency, made with --for kdenlive')
		.requiredOption('-o, --output <file.kdenlive>', 'project to write')
		.option('--ffmpeg <path>', 'ffmpeg program to use instead of the bundled one')
		.option('--overwrite', 'replace the project if it exists')
		.action(async (clip: string, cutOut: string, options: ProjectOptions) => {
			const { writeKdenliveProject } = await import('../../jobs/write-kdenlive-project.js');
			await writeKdenliveProject({ clip, cutOut, ...options });
			process.stderr.write(`wrote ${options.output}; melt renders it too\n`);
		});
};
