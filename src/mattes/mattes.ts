import { z } from 'zod';
import type { LabelMap, Raster } from '../core/frame.js';
import { objectIds } from '../core/object-ids.js';
import type { Size } from '../core/size.js';
import { foregroundColours } from './foreground.js';
import { boxMean, distanceToBorder, type Plane } from './planes.js';
import { type Box, softAlpha } from './soft-alpha.js';

export const matteSettingsSchema = z.strictObject({
	/** Whether pixels that an object covers partly are partly opaque. */
	alpha: z.enum(['soft', 'hard']).default('soft'),
	/** Pixels by which objects grow; negative, shrink. */
	grow: z.number().min(-200).max(200).default(0),
	/** Pixels over which edges are blurred besides. */
	feather: z.number().min(0).max(200).default(0),
	/** Opaque becomes transparent, and the other way round. */
	invert: z.boolean().default(false),
});

export type MatteSettings = z.output<typeof matteSettingsSchema>;
/** The same, with what is left out as usual. */
export type MatteOptions = z.input<typeof matteSettingsSchema>;

export const defaultMatteSettings = matteSettingsSchema.parse({});

/** How opaque the objects of a frame are at each pixel; worked out when it is asked for, and once. */
export type Mattes = {
	/** All objects together. */
	readonly all: Raster<1>;
	/** One object alone; those of all objects add up to 255 at most, unless they are inverted. */
	of(id: number): Raster<1>;
	/** The picture with the objects' own colours where they are transparent, which go with straight alpha. */
	coloursOf(picture: Raster<3>): Raster<3>;
};

/**
 * The mattes of a frame's objects.
 *
 * @param image the frame as it was filmed, of the labels' size
 */
export const mattesOf = (image: Raster<3>, labels: LabelMap, settings: MatteSettings): Mattes => {
	const whole = remembered(() =>
		matteOf(
			image,
			marked(labels, (id) => id > 0),
			settings,
		),
	);
	const objects = remembered(() => mattesOfObjects(image, labels, settings));
	const shown = ({ alpha }: Matte): Raster<1> => rasterOf(labels, inverted(alpha, settings));
	const all = remembered(() => shown(whole()));
	return {
		get all() {
			return all();
		},
		of: (id) => shown(objects().get(id) ?? { alpha: new Uint8Array(labels.ids.length), box: undefined }),
		coloursOf: (picture) => {
			const { alpha, box } = whole();
			// Of what is left when objects are cut out, the colours are as they were filmed.
			return box === undefined || settings.invert
				? picture
				: foregroundColours(picture, rasterOf(labels, alpha), box);
		},
	};
};

type Matte = { readonly alpha: Uint8Array; readonly box: Box | undefined };

const remembered = <Value>(make: () => Value): (() => Value) => {
	let made: { readonly value: Value } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
};

const marked = ({ ids }: LabelMap, isMeant: (id: number) => boolean): Uint8Array =>
	ids.map((id) => (isMeant(id) ? 1 : 0));

const rasterOf = ({ width, height }: LabelMap, data: Uint8Array): Raster<1> => ({
	...{ width, height, data },
	channels: 1,
});

const inverted = (alpha: Uint8Array, { invert }: MatteSettings): Uint8Array =>
	invert ? alpha.map((value) => 255 - value) : alpha;

/** Where objects meet, each takes its share of what they claim together. */
const mattesOfObjects = (
	image: Raster<3>,
	labels: LabelMap,
	settings: MatteSettings,
): ReadonlyMap<number, Matte> => {
	const ids = objectIds(labels);
	const mattes = new Map(
		ids.map((id) => [
			id,
			matteOf(
				image,
				marked(labels, (other) => other === id),
				settings,
			),
		]),
	);
	if (ids.length > 1) {
		const sums = new Uint16Array(labels.ids.length);
		for (const { alpha } of mattes.values()) {
			for (let at = 0; at < sums.length; at++) {
				sums[at] = (sums[at] as number) + (alpha[at] as number);
			}
		}
		for (const { alpha } of mattes.values()) {
			for (let at = 0; at < sums.length; at++) {
				const sum = sums[at] as number;
				if (sum > 255) {
					// Rounded down, or several of them would add up to more again.
					alpha[at] = Math.floor(((alpha[at] as number) * 255) / sum);
				}
			}
		}
	}
	return mattes;
};

const matteOf = (image: Raster<3>, mask: Uint8Array, { alpha, grow, feather }: MatteSettings): Matte => {
	const size = { width: image.width, height: image.height };
	if (!mask.includes(1)) {
		return { alpha: new Uint8Array(mask.length), box: undefined };
	}
	const soft = alpha === 'soft' ? softAlpha(image, mask) : undefined;
	const found = soft ? placedIn(size, soft.box, soft.alpha) : mask.map((inside) => 255 * inside);
	const grown = grow === 0 ? found : grownBy(grow, found, mask, size, alpha);
	const opacity = feather === 0 ? grown : feathered(grown, size, feather);
	const isWithinBox = grow <= 0 && feather === 0;
	return { alpha: opacity, box: soft && (isWithinBox ? soft.box : { x: 0, y: 0, ...size }) };
};

/** Its border lies so many pixels farther out, or farther in; what is soft there stays so as far as it is on the right side. */
const grownBy = (
	by: number,
	found: Uint8Array,
	mask: Uint8Array,
	size: Size,
	alpha: MatteSettings['alpha'],
): Uint8Array => {
	const distance = distanceToBorder(mask, size);
	return found.map((value, at) => {
		const inside = Math.max(0, Math.min(1, (distance[at] as number) + by + 0.5));
		const border = alpha === 'hard' ? (inside > 0.5 ? 255 : 0) : Math.round(255 * inside);
		return by > 0 ? Math.max(value, border) : Math.min(value, border);
	});
};

const placedIn = (size: Size, box: Box, alpha: Uint8Array): Uint8Array => {
	const out = new Uint8Array(size.width * size.height);
	for (let y = 0; y < box.height; y++) {
		out.set(alpha.subarray(y * box.width, (y + 1) * box.width), (box.y + y) * size.width + box.x);
	}
	return out;
};

/** Three box filters are nearly a Gaussian; all three together reach as far as is asked for. */
const feathered = (alpha: Uint8Array, size: Size, feather: number): Uint8Array => {
	let values: Plane = Float32Array.from(alpha);
	for (let pass = 0; pass < 3; pass++) {
		values = boxMean(values, size, Math.max(1, Math.round(feather / 3)));
	}
	return Uint8Array.from(values, (value) => Math.round(value));
};
