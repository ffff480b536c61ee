import { existsSync } from 'node:fs';
import { UserError } from '../errors.js';
import { writeFileAtomically } from '../media/atomic-file.js';
import { openClip } from '../media/clip.js';
import type { ClipInfo } from '../media/frame.js';
import { kdenliveProject } from '../project-files/kdenlive.js';

export type KdenliveProjectJob = {
	readonly clip: string;
	/** The clip's object on transparency, as `propagate … --for kdenlive` writes it. */
	readonly cutOut: string;
	readonly output: string;
	readonly ffmpeg?: string | undefined;
	readonly overwrite?: boolean | undefined;
};

/**
 * Writes a Kdenlive project with a clip and its cut-out above it.
 *
 * @throws UserError when the two do not belong together
 */
export const writeKdenliveProject = async (job: KdenliveProjectJob): Promise<void> => {
	if (existsSync(job.output) && job.overwrite !== true) {
		throw new UserError(`"${job.output}" exists; add --overwrite to replace it.`);
	}
	const [clip, cutOut] = await Promise.all(
		[job.clip, job.cutOut].map((path) => openClip(path, { ffmpeg: job.ffmpeg })),
	);
	if (clip?.kind !== 'video' || cutOut?.kind !== 'video') {
		throw new UserError(
			'Kdenlive projects are made of video files; give the clip and its cut-out as videos.',
		);
	}
	const { width, height, frameRate, hasAudio } = clip.info;
	if (cutOut.info.width !== width || cutOut.info.height !== height) {
		throw new UserError(
			`"${job.cutOut}" has ${cutOut.info.width}x${cutOut.info.height} pixels, the clip ${width}x${height}; ` +
				'give the cut-out of this clip.',
		);
	}
	const frames = frameCount(clip.info, job.clip);
	const cutOutFrames = frameCount(cutOut.info, job.cutOut);
	// Containers round lengths, each its own way.
	if (Math.abs(frames - cutOutFrames) > 1) {
		throw new UserError(
			`"${job.cutOut}" has ${cutOutFrames} frames, the clip ${frames}; give the cut-out of the whole clip.`,
		);
	}
	const text = kdenliveProject(
		{
			clip: { path: job.clip, hasAudio },
			layer: { path: job.cutOut },
			...{ width, height, frameRate: exactRate(frameRate) },
			frames: Math.min(frames, cutOutFrames),
			clipStart: 0,
		},
		job.output,
	);
	await writeFileAtomically(job.output, Buffer.from(text));
};

const frameCount = ({ estimatedFrames, durationSeconds, frameRate }: ClipInfo, path: string): number => {
	const frames =
		estimatedFrames ??
		(durationSeconds === undefined ? undefined : Math.max(1, Math.round(durationSeconds * frameRate)));
	if (frames === undefined) {
		throw new UserError(`"${path}" does not say how long it is; convert it to MKV or MP4 first.`);
	}
	return frames;
};

/** The rates of NTSC are fractions, which their usual decimals only approximate. */
const exactRate = (frameRate: number): { numerator: number; denominator: number } => {
	const whole = Math.round(frameRate);
	if (Math.abs(frameRate - whole) < 1e-4) {
		return { numerator: whole, denominator: 1 };
	}
	const broadcast = Math.round(frameRate * 1.001);
	return Math.abs(frameRate - (broadcast * 1000) / 1001) < 0.006
		? { numerator: broadcast * 1000, denominator: 1001 }
		: { numerator: Math.round(frameRate * 1000), denominator: 1000 };
};
