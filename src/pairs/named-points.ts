import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { Point } from '../core/point.js';
import type { Size } from '../core/size.js';

/** Points of one image, some of which may have names. */
export type NamedPoints = {
	readonly points: readonly Point[];
	/** As many as the points; undefined for a point without a name. */
	readonly names: readonly (string | undefined)[];
};

const pairSchema = z.tuple([z.number(), z.number()]);
const pointSchema = z.union([
	pairSchema.transform((at) => ({ at, name: undefined })),
	z
		.object({ x: z.number(), y: z.number(), name: z.string().optional() })
		.transform(({ x, y, name }) => ({ at: [x, y] as [number, number], name })),
	z
		.object({ source: pairSchema, name: z.string().optional() })
		.transform(({ source, name }) => ({ at: source, name })),
]);
const listSchema = z.union([
	z.array(pointSchema).min(1),
	z.object({ points: z.array(pointSchema).min(1) }).transform(({ points }) => points),
	// What `match` itself writes.
	z.object({ matches: z.array(pointSchema).min(1) }).transform(({ matches }) => matches),
]);

/** Points in parsed JSON: `[[x, y], …]`, `[{"x": …, "y": …, "name": …}, …]`, or either under "points". */
export const namedPointsFrom = (json: unknown, where: string): NamedPoints => {
	const parsed = listSchema.safeParse(json);
	if (!parsed.success) {
		throw new UserError(
			`The points in ${where} can't be used; expected [[x, y], …] or [{"x": 1, "y": 2, "name": "eye"}, …].`,
		);
	}
	return { points: parsed.data.map(({ at }) => at), names: parsed.data.map(({ name }) => name) };
};

/**
 * @throws UserError that names the first point outside the image
 */
export const requireInside = (points: NamedPoints, image: Size, path: string): void => {
	if (!points.points.every((point) => isInside(point, image))) {
		throw new UserError(outsideReason(points, image, path));
	}
};

export const isInside = (point: Point | undefined, { width, height }: Size): boolean => {
	const [x, y] = point ?? [Number.NaN, Number.NaN];
	return x >= -0.5 && x <= width - 0.5 && y >= -0.5 && y <= height - 0.5;
};

/** A sentence about the first point outside the image. */
export const outsideReason = ({ points, names }: NamedPoints, image: Size, path: string): string => {
	const outside = points.findIndex((point) => !isInside(point, image));
	const name = names[outside];
	return `Point ${outside + 1}${name === undefined ? '' : ` ("${name}")`} at [${points[outside]?.join(', ')}] is outside "${path}", which is ${image.width}×${image.height}; x must be 0 to ${image.width - 1} and y 0 to ${image.height - 1}.`;
};
