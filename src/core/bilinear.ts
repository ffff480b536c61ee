/** Where an output position reads: between `low` and `high`, at `fraction` of the way. */
type Sampling = { readonly low: Int32Array; readonly high: Int32Array; readonly fraction: Float32Array };

const sampling = (inputSize: number, outputSize: number): Sampling => {
	const low = new Int32Array(outputSize);
	const high = new Int32Array(outputSize);
	const fraction = new Float32Array(outputSize);
	for (let i = 0; i < outputSize; i++) {
		const position = Math.max(0, (i + 0.5) * (inputSize / outputSize) - 0.5);
		const floor = Math.min(Math.floor(position), inputSize - 1);
		low[i] = floor;
		high[i] = Math.min(floor + 1, inputSize - 1);
		fraction[i] = position - floor;
	}
	return { low, high, fraction };
};

/**
 * Bilinear resizing of planes, as `torch.nn.functional.interpolate(mode='bilinear', align_corners=False)`:
 * pixel areas are aligned, edges are clamped, and nothing is antialiased when shrinking.
 *
 * @param data [planes, height, width]
 * @returns [planes, newHeight, newWidth]
 */
export const resizeBilinear = (
	data: Float32Array,
	planes: number,
	height: number,
	width: number,
	newHeight: number,
	newWidth: number,
): Float32Array => {
	if (height === newHeight && width === newWidth) {
		return data;
	}
	const rows = sampling(height, newHeight);
	const columns = sampling(width, newWidth);
	const result = new Float32Array(planes * newHeight * newWidth);
	let target = 0;
	for (let plane = 0; plane < planes; plane++) {
		const start = plane * height * width;
		for (let y = 0; y < newHeight; y++) {
			const upper = start + (rows.low[y] as number) * width;
			const lower = start + (rows.high[y] as number) * width;
			const down = rows.fraction[y] as number;
			for (let x = 0; x < newWidth; x++) {
				const left = columns.low[x] as number;
				const right = columns.high[x] as number;
				const across = columns.fraction[x] as number;
				const top = (data[upper + left] as number) * (1 - across) + (data[upper + right] as number) * across;
				const bottom =
					(data[lower + left] as number) * (1 - across) + (data[lower + right] as number) * across;
				result[target++] = top * (1 - down) + bottom * down;
			}
		}
	}
	return result;
};
