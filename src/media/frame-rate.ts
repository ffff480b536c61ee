/** Frames a second as they are typed: `24`, `29.97`, `30000/1001`. Undefined for anything else, and below 0.01 or above 1000. */
export const parseFrameRate = (text: string): number | undefined => {
	const parts = /^(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/.exec(text.trim());
	const rate = Number(parts?.[1]) / Number(parts?.[2] ?? 1);
	return rate >= 0.01 && rate <= 1000 ? rate : undefined;
};
