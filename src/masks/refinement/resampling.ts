/** Where each sample of one axis lies between two samples of another (half-pixel centres, edges clamped). */
export type Axis = { readonly low: Int32Array; readonly high: Int32Array; readonly share: Float32Array };

export const axis = (from: number, to: number): Axis => {
	const low = new Int32Array(to);
	const high = new Int32Array(to);
	const share = new Float32Array(to);
	for (let i = 0; i < to; i++) {
		const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
		low[i] = Math.floor(position);
		high[i] = Math.min(from - 1, (low[i] as number) + 1);
		share[i] = position - (low[i] as number);
	}
	return { low, high, share };
};

/** The cell that each pixel's centre lies in. */
export const cellsOfPixels = (pixels: number, cells: number): Int32Array =>
	Int32Array.from({ length: pixels }, (_, pixel) => Math.floor(((pixel + 0.5) * cells) / pixels));
