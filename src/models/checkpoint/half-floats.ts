/** Converts bfloat16 bit patterns (the upper half of a float32) to float32. */
export const bfloatToFloat = (bits: Uint16Array): Float32Array =>
	new Float32Array(Uint32Array.from(bits, (half) => half * 0x10000).buffer);
