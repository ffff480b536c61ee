/** A mask file and the frame it was painted on, counted from 0 among the frames of the run. */
export type PaintedMask = { readonly frame: number; readonly path: string };

/** A mask as it is typed: `first.png` is of frame 0, `37=mask.png` of frame 37. Undefined where no file is named. */
export const parsePaintedMask = (text: string): PaintedMask | undefined => {
	const numbered = /^(\d{1,9})=(.*)$/s.exec(text);
	const path = numbered?.[2] ?? text;
	return path === '' ? undefined : { frame: Number(numbered?.[1] ?? 0), path };
};
