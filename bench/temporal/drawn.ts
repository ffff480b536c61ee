import type { Birds, Layer, Sprite } from './scenes.js';

/** A clip to be drawn. */
export type Drawn = {
	readonly name: string;
	readonly frames: number;
	readonly layers: readonly Layer[];
};

/** Where feet stand, in pixels from the top. */
const GROUND = 400;

const standing = ({ height }: Sprite, x: number, ground = GROUND): readonly [x: number, y: number] => [
	x,
	ground - height,
];

/** Behind something that hides all of it, and out again on its other side. */
export const hiddenClips = ({ crane, guineafowl, wall }: Birds): Drawn[] =>
	Object.entries({ crane, guineafowl }).map(([name, sprite]) => ({
		name: `${name} behind a rock, hidden altogether`,
		frames: 84,
		layers: [
			{ sprite, id: 1, at: (frame) => standing(sprite, 10 + 6 * frame) },
			{ sprite: wall, id: 0, at: () => [230, 0] },
		],
	}));

/** Out of the frame for good, and out and back. */
export const leavingClips = ({ crane }: Birds): Drawn[] => {
	const leaving = (frame: number): number => 300 - 14 * frame;
	const walking = (name: string, frames: number, path: (frame: number) => number): Drawn => ({
		...{ name, frames },
		layers: [{ sprite: crane, id: 1, at: (frame) => standing(crane, path(frame)) }],
	});
	return [
		walking('crane leaves', 60, leaving),
		walking('crane leaves and returns', 84, (frame) => (frame < 48 ? leaving(frame) : 14 * frame - 1044)),
	];
};

/** The same cut-out twice, from either side, object 2 in front. */
export const doubleClips = ({ guineafowl: sprite }: Birds): Drawn[] => {
	const meeting = (name: string, ground: number, speed: number): Drawn => ({
		name,
		frames: Math.round(440 / speed),
		layers: [
			{ sprite, id: 1, at: (frame) => standing(sprite, 60 + speed * frame, ground) },
			{ sprite, id: 2, at: (frame) => standing(sprite, 500 - speed * frame) },
		],
	});
	return [
		meeting('pass at a distance', GROUND - 175, 7),
		meeting('cross, one in front', GROUND - 12, 7),
		meeting('cross slowly, one in front', GROUND - 12, 4),
	];
};
