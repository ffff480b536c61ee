/**
 * How far two maps of object ids agree: the smallest intersection over union of any object in either; 1 when neither
 * has an object.
 */
export const agreement = (a: Uint8Array, b: Uint8Array): number => {
	const common = new Uint32Array(256);
	const either = new Uint32Array(256);
	for (let pixel = 0; pixel < a.length; pixel++) {
		const idA = a[pixel] as number;
		const idB = b[pixel] as number;
		either[idA] = (either[idA] as number) + 1;
		if (idA === idB) {
			common[idA] = (common[idA] as number) + 1;
		} else {
			either[idB] = (either[idB] as number) + 1;
		}
	}
	let worst = 1;
	for (let id = 1; id < 256; id++) {
		if ((either[id] as number) > 0) {
			worst = Math.min(worst, (common[id] as number) / (either[id] as number));
		}
	}
	return worst;
};
