import { uniform } from '../features/gaussian-noise.js';

/** Far more than it takes: it ends when no vector changes its cluster any more. */
const MAX_ROUNDS = 100;

/**
 * Lloyd's k-means from k-means++ seeds (Arthur & Vassilvitskii 2007), the same for the same seed.
 *
 * @param vectors of one length; at least `count` of them
 * @returns the cluster of each vector, 0 to `count` − 1
 */
export const kMeans = (vectors: readonly Float32Array[], count: number, seed: number): Uint32Array => {
	const centres = seeds(vectors, count, uniform(seed));
	const clusters = new Uint32Array(vectors.length).fill(count);
	for (let round = 0; round < MAX_ROUNDS; round++) {
		let moved = false;
		vectors.forEach((vector, at) => {
			const cluster = nearest(vector, centres);
			moved ||= cluster !== clusters[at];
			clusters[at] = cluster;
		});
		if (!moved) {
			break;
		}
		centres.forEach((centre, cluster) => {
			moveToMean(
				centre,
				vectors.filter((_, at) => clusters[at] === cluster),
			);
		});
	}
	return clusters;
};

const seeds = (vectors: readonly Float32Array[], count: number, random: () => number): Float64Array[] => {
	const centres: Float64Array[] = [];
	// The farther from the centres there are, the likelier: by the square of the distance. All alike at first.
	let chances = new Float64Array(vectors.length).fill(1);
	while (centres.length < count) {
		let rest = random() * chances.reduce((sum, chance) => sum + chance, 0);
		const chosen = chances.findIndex((chance) => {
			rest -= chance;
			return rest <= 0;
		});
		const centre = Float64Array.from(vectors[Math.max(0, chosen)] ?? []);
		const before = centres.length === 0 ? undefined : chances;
		chances = Float64Array.from(vectors, (vector, at) =>
			Math.min(before?.[at] ?? Number.POSITIVE_INFINITY, squaredDistance(vector, centre)),
		);
		centres.push(centre);
	}
	return centres;
};

const nearest = (vector: Float32Array, centres: readonly Float64Array[]): number => {
	let [best, least] = [0, Number.POSITIVE_INFINITY];
	centres.forEach((centre, cluster) => {
		const distance = squaredDistance(vector, centre);
		if (distance < least) {
			[best, least] = [cluster, distance];
		}
	});
	return best;
};

const squaredDistance = (a: Float32Array, b: Float64Array): number => {
	let sum = 0;
	for (let i = 0; i < a.length; i++) {
		sum += (a[i]! - b[i]!) ** 2;
	}
	return sum;
};

/** A cluster that has lost all its vectors stays where it is. */
const moveToMean = (centre: Float64Array, members: readonly Float32Array[]): void => {
	if (members.length === 0) {
		return;
	}
	centre.fill(0);
	for (const member of members) {
		for (let i = 0; i < centre.length; i++) {
			centre[i]! += member[i]! / members.length;
		}
	}
};
