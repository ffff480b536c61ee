/** PASCAL VOC: the bits of the id are dealt out to red, green and blue in turn, most significant first. */
const vocColour = (at: number): number => {
	let value = 0;
	for (let bits = Math.floor(at / 3) >> (at % 3), weight = 128; bits > 0; bits >>= 3, weight >>= 1) {
		value += (bits & 1) * weight;
	}
	return value;
};

/** The colours of the PASCAL VOC data set, which labelme, CVAT and others write too: 256 RGB triplets. */
export const vocPalette: Uint8Array = Uint8Array.from({ length: 768 }, (_, at) => vocColour(at));

/**
 * The palette of the DAVIS data set's annotations, which most tools of the field use: 256 RGB triplets (768 bytes).
 * The first 22 colours are the PASCAL VOC ones with 191 in place of 192; from there on it is a grey ramp.
 */
export const davisPalette: Uint8Array = Uint8Array.from({ length: 768 }, (_, at) => {
	const id = Math.floor(at / 3);
	const value = vocColour(at);
	return id >= 22 ? id : value === 192 ? 191 : value;
});

/** A palette with a colour for every id up to `highestId`: the given one, continued with DAVIS colours if it is too short. */
export const paletteUpTo = (palette: Uint8Array, highestId: number): Uint8Array => {
	const needed = (highestId + 1) * 3;
	if (palette.length >= needed) {
		return palette;
	}
	const longer = davisPalette.slice(0, needed);
	longer.set(palette);
	return longer;
};
