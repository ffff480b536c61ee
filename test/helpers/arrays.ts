type Numbers = ArrayLike<number>;

/** The largest absolute difference of two equally long arrays; infinite where either is not a number. */
export const maxDifference = (actual: Numbers, expected: Numbers): number => {
	if (actual.length !== expected.length || actual.length === 0) {
		return Number.POSITIVE_INFINITY;
	}
	let worst = 0;
	for (let i = 0; i < actual.length; i++) {
		const difference = Math.abs(actual[i]! - expected[i]!);
		if (!(difference <= worst)) {
			worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
		}
	}
	return worst;
};

/** The top-left `side` x `side` corner of the first `count` planes of [planes, size, size]. */
export const crop = (data: Float32Array, count: number, size: number, side: number): Float32Array => {
	const cut = new Float32Array(count * side * side);
	for (let row = 0; row < count * side; row++) {
		const start = (Math.floor(row / side) * size + (row % side)) * size;
		cut.set(data.subarray(start, start + side), row * side);
	}
	return cut;
};
