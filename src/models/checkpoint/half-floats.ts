/** Converts IEEE half-precision bit patterns to float32. */
export const halfToFloat = (bits: Uint16Array): Float32Array => Float32Array.from(bits, decodeHalf);

const decodeHalf = (bits: number): number => {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0x1f) {
		return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
	}
	// Subnormals have no implicit leading one.
	return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/** Converts bfloat16 bit patterns (the upper half of a float32) to float32. */
export const bfloatToFloat = (bits: Uint16Array): Float32Array =>
	new Float32Array(Uint32Array.from(bits, (half) => half * 0x10000).buffer);
