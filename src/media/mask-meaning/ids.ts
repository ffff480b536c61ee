import type { Size } from '../../core/size.js';
import { davisPalette } from '../davis-palette.js';
import type { Levels, Lie } from './levels.js';
import { type Answer, mostObjects, Unclear } from './meaning.js';

/** The id that VOC and its followers give to the rim of objects, which belongs to none. */
const voidId = 255;

export const voidOf = (levels: Levels, lie: Lie, ids: readonly number[]): number | undefined => {
	const level = levels.values.indexOf(voidId);
	const others = ids.filter((id) => id > 0 && id !== voidId);
	if (level < 0 || others.length === 0 || others.some((id) => id > 100)) {
		return undefined;
	}
	const thickness = (2 * (levels.areas[level] ?? 0)) / Math.max(1, lie.changes[level] ?? 0);
	return thickness <= 8 ? voidId : undefined;
};

/** Grey values that are ids. Those that don't fit are numbered in their order. */
export const idsOf = (mask: Size, values: ArrayLike<number>, leftOut?: number): Answer => {
	const { width, height } = mask;
	const isUsed = new Uint8Array(65536);
	for (let at = 0; at < values.length; at++) {
		isUsed[values[at]!] = 1;
	}
	isUsed[0] = 0;
	isUsed[leftOut ?? 0] = 0;
	const ordered = [...isUsed.keys()].filter((value) => isUsed[value] === 1);
	if (ordered.length > mostObjects) {
		return new Unclear(
			`has ids up to ${ordered.at(-1)}, but at most ${mostObjects} fit`,
			'give a mask with fewer objects',
		);
	}
	const fits = (ordered.at(-1) ?? 0) <= mostObjects;
	const numbers = new Uint8Array(65536);
	for (const [at, value] of ordered.entries()) {
		numbers[value] = fits ? value : at + 1;
	}
	const ids = new Uint8Array(values.length);
	for (let at = 0; at < values.length; at++) {
		ids[at] = numbers[values[at]!]!;
	}
	return {
		...{ width, height, ids, palette: davisPalette, type: 'ids', knownBy: 'id' },
		fileIds: fits ? undefined : new Map(ordered.map((value, at) => [at + 1, value])),
		remark: leftOut === undefined ? undefined : `its rim with the id ${leftOut} is left out`,
	};
};
