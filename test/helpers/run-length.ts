/**
 * The pixels, row by row, that COCO's compressed run lengths stand for: as `rleFrString` and `rleDecode` of cocoapi do it, written anew from
 * its description.
 *
 * @throws Error when they are not of that many pixels
 */
export const decodeRle = (counts: string, [h = 0, w = 0]: readonly number[]): number[] => {
	const runs: number[] = [];
	for (let at = 0; at < counts.length; ) {
		let value = 0;
		let shift = 0;
		let group: number;
		do {
			group = counts.charCodeAt(at++) - 48;
			value |= (group & 31) << shift;
			shift += 5;
		} while (group & 32);
		if (group & 16 && shift < 32) {
			value |= -1 << shift;
		}
		runs.push(runs.length > 2 ? value + (runs.at(-2) ?? 0) : value);
	}
	const columns = runs.flatMap((run, at) => Array.from({ length: run }, () => at % 2));
	if (columns.length !== w * h) {
		throw new Error(`Runs of ${columns.length} pixels for ${w} × ${h}.`);
	}
	return Array.from({ length: w * h }, (_, at) => columns[(at % w) * h + Math.floor(at / w)] ?? 0);
};
