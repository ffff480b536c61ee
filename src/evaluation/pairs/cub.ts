import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { Point } from '../../core/point.js';
import { randomFrom } from '../../core/random.js';
import type { Box, KeypointPair } from './keypoint-pair.js';

/** As many pairs as the paper takes; its own list of them was not released. */
const PAIRS = 360;
const SEED = 0;

type Bird = { readonly path: string; readonly box: Box; readonly parts: ReadonlyMap<number, Point> };

/**
 * CUB-200-2011 (Welinder et al. 2010; Wah et al. 2011): 360 pairs drawn from the official test split, whatever their
 * species, with the parts that are visible in both. The draw is the same every time.
 */
export const cubPairs = async (root: string): Promise<KeypointPair[]> => {
	const birds = await testBirds(root);
	const random = numbersFrom(SEED);
	const pairs: KeypointPair[] = [];
	// Pairs with no part in common are drawn again; the bound only guards against a set without any annotation.
	for (let draw = 0; draw < PAIRS * 10 && pairs.length < PAIRS; draw++) {
		const [source, target] = [birds[random(birds.length)]!, birds[random(birds.length)]!];
		const shared = [...source.parts.keys()].filter((part) => target.parts.has(part));
		if (source !== target && shared.length > 0) {
			const pointsOf = ({ parts }: Bird) => shared.map((part) => parts.get(part) as Point);
			pairs.push({
				category: 'bird',
				source: { path: source.path, points: pointsOf(source) },
				target: { path: target.path, points: pointsOf(target), box: target.box },
			});
		}
	}
	return pairs;
};

const testBirds = async (root: string): Promise<Bird[]> => {
	const table = async (name: string): Promise<string[][]> => {
		const text = await readFile(join(root, name), 'utf8').catch(() => {
			throw new UserError(
				`"${root}" is not CUB-200-2011: it has no ${name}; give the folder that holds images.txt.`,
			);
		});
		return text
			.trim()
			.split(/\r?\n/)
			.map((line) => line.trim().split(/\s+/));
	};
	const isTest = new Map((await table('train_test_split.txt')).map(([id, train]) => [id, train === '0']));
	const boxes = new Map(
		(await table('bounding_boxes.txt')).map(([id, ...values]) => {
			const [x = 0, y = 0, width = 0, height = 0] = values.map(Number);
			return [id, [x, y, x + width, y + height] as const];
		}),
	);
	const parts = new Map<string, Map<number, Point>>();
	for (const [id = '', part, x, y, visible] of await table(join('parts', 'part_locs.txt'))) {
		if (visible === '1') {
			const known = parts.get(id) ?? new Map<number, Point>();
			parts.set(id, known.set(Number(part), [Number(x), Number(y)]));
		}
	}
	return (await table('images.txt')).flatMap(([id = '', name = '']) => {
		const [box, points] = [boxes.get(id), parts.get(id)];
		return isTest.get(id) && box !== undefined && points !== undefined
			? [{ path: join(root, 'images', name), box, parts: points }]
			: [];
	});
};

/** Whole numbers below a bound, the same ones for the same seed. */
const numbersFrom = (seed: number): ((bound: number) => number) => {
	const random = randomFrom(seed);
	return (bound) => Math.floor(random() * bound);
};
