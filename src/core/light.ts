/** In what numbers colours are blended. */
export type Light = {
	/** 0..255 to 0..1 */
	fromByte(value: number): number;
	/** 0..1 to 0..255, clamped and rounded. */
	toByte(value: number): number;
};

const linearOf = Float64Array.from({ length: 256 }, (_, value) => {
	const v = value / 255;
	return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

const clampByte = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

/** sRGB values as they are: how image editors blend layers, so that the first frame looks as it was made. */
export const displayLight: Light = {
	fromByte: (value) => value / 255,
	toByte: (value) => clampByte(value * 255),
};

/** Physical light: half-transparent edges keep their brightness. */
export const linearLight: Light = {
	fromByte: (value) => linearOf[value]!,
	toByte: (value) =>
		clampByte(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * Math.max(0, value) ** (1 / 2.4) - 0.055)),
};
