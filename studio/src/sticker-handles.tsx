import type { Place } from '../../src/studio/protocol';
import type { Point } from './raster';

/** A handle is taken so near to it, in pixels of the screen. */
const REACH = 14;
/** The handle that turns stands so far above the sticker, in pixels of the screen. */
const STALK = 26;

type Size = { readonly width: number; readonly height: number };
export type Grip = 'move' | 'scale' | 'turn';

const turned = ([x, y]: Point, degrees: number): Point => {
	const angle = (degrees * Math.PI) / 180;
	return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
};

/** Corners of a sticker, from the upper left clockwise, and the handle that turns it. */
export const handlesOf = ({ width, height }: Size, { x, y, scale, angle }: Place, zoom: number) => {
	const [w, h] = [(width * scale) / 2, (height * scale) / 2];
	const at = (point: Point): Point => {
		const [dx, dy] = turned(point, angle);
		return [x + dx, y + dy];
	};
	return {
		corners: [at([-w, -h]), at([w, -h]), at([w, h]), at([-w, h])] as const,
		stalk: at([0, -h]),
		knob: at([0, -h - STALK / zoom]),
	};
};

/** What a press at a point takes hold of. */
export const gripAt = (point: Point, size: Size, place: Place, zoom: number): Grip => {
	const { corners, knob } = handlesOf(size, place, zoom);
	const isNear = ([x, y]: Point): boolean => Math.hypot(x - point[0], y - point[1]) * zoom < REACH;
	return isNear(knob) ? 'turn' : corners.some(isNear) ? 'scale' : 'move';
};

/** Where a sticker goes when what was taken at one point is dragged to another. @param isStepped turns by steps of 15 degrees */
export const dragged = (
	from: Place,
	grip: Grip,
	[ax, ay]: Point,
	[bx, by]: Point,
	isStepped: boolean,
): Place => {
	switch (grip) {
		case 'move':
			return { ...from, x: Math.round(from.x + bx - ax), y: Math.round(from.y + by - ay) };
		case 'scale': {
			const before = Math.hypot(ax - from.x, ay - from.y);
			const factor = Math.hypot(bx - from.x, by - from.y) / Math.max(1e-6, before);
			return { ...from, scale: Math.max(1e-3, Math.min(1e3, from.scale * factor)) };
		}
		case 'turn': {
			const degrees = (Math.atan2(by - from.y, bx - from.x) * 180) / Math.PI + 90;
			const angle = isStepped ? Math.round(degrees / 15) * 15 : Math.round(degrees * 10) / 10;
			return { ...from, angle: angle > 180 ? angle - 360 : angle };
		}
	}
};

/** The frame around a sticker with what it is taken at. */
export const StickerHandles = ({
	size,
	place,
	zoom,
	onScreen,
}: {
	readonly size: Size;
	readonly place: Place;
	readonly zoom: number;
	readonly onScreen: (point: Point) => Point;
}) => {
	const { corners, stalk, knob } = handlesOf(size, place, zoom);
	const outline = [...corners, corners[0]].map((point) => onScreen(point).join(',')).join(' ');
	const line = [stalk, knob].map((point) => onScreen(point).join(',')).join(' ');
	return (
		<>
			{[outline, line].map((points) => (
				<>
					<polyline class="line under" points={points} />
					<polyline class="line" points={points} />
				</>
			))}
			{corners.map((corner, at) => {
				const [x, y] = onScreen(corner);
				return <rect key={at} class="corner" x={x - 5} y={y - 5} width={10} height={10} />;
			})}
			<circle class="corner" cx={onScreen(knob)[0]} cy={onScreen(knob)[1]} r={6} />
		</>
	);
};
