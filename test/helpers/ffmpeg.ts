import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import installer from '@ffmpeg-installer/ffmpeg';
import { makeRunnable } from '../../src/media/ffmpeg-binary.js';
import { canRun } from './can-run.js';

const run = promisify(execFile);

/** Runs the bundled ffmpeg directly, to make test clips and to check results independently of the code under test. */
export const ffmpeg = async (...args: string[]): Promise<Buffer> => {
	const { stdout } = await run(
		await makeRunnable(installer.path),
		['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args],
		{
			encoding: 'buffer',
			maxBuffer: 1 << 30,
		},
	);
	return stdout;
};

/** Makes a clip from a lavfi source, e.g. `makeClip('a.mp4', 'testsrc2=s=64x48:r=10:d=1', '-pix_fmt', 'yuv420p')`. */
export const makeClip = async (path: string, source: string, ...args: string[]): Promise<string> => {
	await ffmpeg('-f', 'lavfi', '-i', source, ...args, `file:${path}`);
	return path;
};

/** Use as `describe.skipIf(!ffprobeAvailable)('… (needs ffprobe)')`; ffprobe is not bundled. */
export const ffprobeAvailable = canRun('ffprobe', '-version');

export type ProbedStream = {
	codec_name: string;
	codec_type: string;
	width: number;
	height: number;
	pix_fmt: string;
	avg_frame_rate?: string;
	r_frame_rate?: string;
	sample_aspect_ratio?: string;
	color_range?: string;
	color_space?: string;
	nb_read_frames?: string;
	side_data_list?: { rotation?: number }[];
	tags?: Record<string, string>;
};

/** What ffprobe says of a file's streams. */
export const ffprobeStreams = async (path: string, ...args: string[]): Promise<ProbedStream[]> => {
	const { stdout } = await run(
		'ffprobe',
		['-v', 'error', '-show_streams', '-of', 'json', ...args, `file:${path}`],
		{
			maxBuffer: 1 << 28,
		},
	);
	return (JSON.parse(stdout) as { streams: ProbedStream[] }).streams;
};

/** Presentation times of the first video track's decoded frames, in seconds, according to ffprobe. */
export const ffprobeFrameTimes = async (path: string): Promise<number[]> => {
	const { stdout } = await run(
		'ffprobe',
		[
			...['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=best_effort_timestamp_time'],
			...['-of', 'json', `file:${path}`],
		],
		{ maxBuffer: 1 << 28 },
	);
	const { frames } = JSON.parse(stdout) as { frames: { best_effort_timestamp_time: string }[] };
	return frames.map((frame) => Number(frame.best_effort_timestamp_time));
};
