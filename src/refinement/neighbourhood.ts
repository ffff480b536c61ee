/** Neighbours are taken in 8 directions at these distances, in pixels of the working image. */
const DISTANCES = [1, 2, 4, 8];
export const MAX_DISTANCE = Math.max(...DISTANCES);

export const OFFSETS: readonly (readonly [dy: number, dx: number])[] = DISTANCES.flatMap((d) =>
	[-d, 0, d]
		.flatMap((dy) => [-d, 0, d].map((dx) => [dy, dx] as const))
		.filter(([dy, dx]) => dy !== 0 || dx !== 0),
);
