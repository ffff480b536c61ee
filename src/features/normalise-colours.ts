const VALUES = 256;

/**
 * Values of RGB pixels, normalised, in planes.
 *
 * @param data [pixels, 3]
 * @param normalise what a channel's value 0..255 becomes
 * @returns [3, pixels]
 */
export const normaliseColours = (
	data: Uint8Array,
	normalise: (value: number, channel: number) => number,
): Float32Array => {
	// 256 possible values a channel: a table is faster than dividing at every pixel.
	const table = Float32Array.from({ length: 3 * VALUES }, (_, at) =>
		normalise(at % VALUES, Math.floor(at / VALUES)),
	);
	const pixels = data.length / 3;
	const planes = new Float32Array(data.length);
	for (let pixel = 0; pixel < pixels; pixel++) {
		planes[pixel] = table[data[3 * pixel]!]!;
		planes[pixels + pixel] = table[VALUES + data[3 * pixel + 1]!]!;
		planes[2 * pixels + pixel] = table[2 * VALUES + data[3 * pixel + 2]!]!;
	}
	return planes;
};
