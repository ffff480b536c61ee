import { colourObjects } from './colour-objects.js';
import { colourOf, fromColours } from './colours.js';
import { type Levels, levelsOfColours, lieOf, regionsOf, TRANSPARENT } from './levels.js';
import { type Answer, explicitly, type MaskPixels, Unclear } from './meaning.js';
import { halfOf, mark, oneObject, rgbOf } from './pixels.js';

/** What is opaque is one object, unless it is painted in several flat colours. */
export const fromAlpha = (mask: MaskPixels, alpha: Uint8Array): Answer => {
	const shows = mark(alpha, halfOf(alpha, 255));
	const one = oneObject(mask, shows, 'alpha');
	if (!shows.includes(1)) {
		return one;
	}
	const opaque = mark(alpha, 249);
	const levels = levelsOfColours(rgbOf(mask), mask, opaque.includes(1) ? opaque : shows);
	const painted = [...levels.values.keys()].filter((level) => levels.values[level] !== TRANSPARENT);
	const area = painted.reduce((sum, level) => sum + (levels.areas[level] ?? 0), 0);
	const colours = painted.filter((level) => (levels.areas[level] ?? 0) >= Math.max(4, 0.001 * area));
	const flat = colours.reduce((sum, level) => sum + (levels.areas[level] ?? 0), 0);
	if (flat < 0.97 * area || colours.length > 64) {
		return one; // A piece cut out of a picture.
	}
	const saturated = colours.filter((level) => saturation(levels, level) > 40);
	if (colours.length === 1) {
		const [colour] = colours;
		return colour !== undefined && saturated.length === 1
			? colourObjects(mask, shows, [0, colourOf(levels, colour)], [true, false], undefined)
			: one;
	}
	const regions = regionsOf(levels, lieOf(levels), mask.isLossy);
	const flatArea = regions.flat.reduce(
		(sum, level) => sum + (levels.values[level] === TRANSPARENT ? 0 : (levels.areas[level] ?? 0)),
		0,
	);
	if (flatArea < 0.97 * area) {
		return one; // Few colours, but scattered: a picture all the same.
	}
	if (saturated.length < colours.length) {
		return new Unclear(
			'has transparency and several flat colours, black, white or grey among them',
			explicitly('alpha', 'colour'),
		);
	}
	const byColour = fromColours({ ...mask, alpha: undefined }, rgbOf(mask), shows, 'colour');
	return byColour instanceof Unclear ? one : byColour;
};

const saturation = ({ colours }: Levels, level: number): number => {
	const rgb = colours.subarray(level * 3, level * 3 + 3);
	return Math.max(...rgb) - Math.min(...rgb);
};
