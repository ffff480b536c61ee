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

/** A pole in two colours, four pixels wide. */
const pole: Sprite = (() => {
	const [width, height] = [4, 220];
	const data = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const isRed = Math.floor(pixel / width / 22) % 2 === 0;
		data.set(isRed ? [190, 40, 35, 255] : [235, 230, 220, 255], 4 * pixel);
	}
	return { width, height, channels: 4, data };
})();

/** To and fro between two columns, so many pixels a frame. */
const toAndFro = (from: number, to: number, speed: number, frame: number): number => {
	const way = to - from;
	const along = (speed * frame) % (2 * way);
	return from + (along < way ? along : 2 * way - along);
};

/** Fast, four times as large in the end, thin, and several at once. */
export const movingClips = ({ crane, guineafowl }: Birds): Drawn[] => {
	const end = 50;
	const growth = (frame: number): number => 0.4 * 4 ** (frame / (end - 1));
	return [
		{
			name: 'crane, 45 pixels a frame',
			frames: end,
			layers: [{ sprite: crane, id: 1, at: (frame) => standing(crane, toAndFro(10, 560, 45, frame)) }],
		},
		{
			name: 'guineafowl comes near, four times as large',
			frames: end,
			layers: [
				{
					...{ sprite: guineafowl, id: 1, scale: growth },
					at: (frame) => [
						360 - (guineafowl.width * growth(frame)) / 2,
						410 - guineafowl.height * growth(frame),
					],
				},
			],
		},
		{
			name: 'a pole of four pixels',
			frames: end,
			layers: [{ sprite: pole, id: 1, at: (frame) => [150 + 6 * frame, 150] }],
		},
		{
			name: 'three objects that cross',
			frames: end,
			layers: [
				{ sprite: crane, id: 1, at: (frame) => standing(crane, 20 + 9 * frame, GROUND - 40) },
				{ sprite: guineafowl, id: 2, at: (frame) => standing(guineafowl, 480 - 8 * frame) },
				{ sprite: pole, id: 3, at: (frame) => [560 - 5 * frame, 190] },
			],
		},
	];
};
