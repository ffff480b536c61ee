import { UserError } from './errors.js';

/** What files of painted frames are: a mask of the frame, or an edit of it. */
export type PaintedKind = 'mask' | 'edit';

/** An image file and the frame it was painted on, counted from 0 among the frames of the run. */
export type PaintedFile = { readonly frame: number; readonly path: string };

/** A painted file as it is typed: `first.png` is of frame 0, `37=later.png` of frame 37. Undefined where no file is named. */
export const parsePaintedFile = (text: string): PaintedFile | undefined => {
	const numbered = /^(\d{1,9})=(.*)$/s.exec(text);
	const path = numbered?.[2] ?? text;
	return path === '' ? undefined : { frame: Number(numbered?.[1] ?? 0), path };
};

/** Files by ascending frame. @throws UserError for two of one frame */
export const inOrderOfFrames = (files: readonly PaintedFile[], kind: PaintedKind): PaintedFile[] => {
	const ordered = [...files].sort((a, b) => a.frame - b.frame);
	for (const [position, file] of ordered.entries()) {
		const next = ordered[position + 1];
		if (next?.frame === file.frame) {
			throw new UserError(
				`The ${kind}s "${file.path}" and "${next.path}" are both of frame ${file.frame}; give one ${kind} for each frame.`,
			);
		}
	}
	return ordered;
};
