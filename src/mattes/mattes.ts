import { z } from 'zod';
import { type LabelMap, objectIds, type Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { despilled } from './despill.js';
import { foregroundColours } from './foreground.js';
import { boxMean, distanceToBorder, type Plane } from './planes.js';
import { type Box, LinesBefore, OPAQUE, softAlpha } from './soft-alpha.js';

export const matteSettingsSchema = z.strictObject({
	/** Whether pixels that an object covers partly are partly opaque. */
	alpha: z.enum(['soft', 'hard']).default('soft'),
	/** Pixels by which objects grow; negative, shrink. */
	grow: z.number().min(-200).max(200).default(0),
	/** Pixels over which edges are blurred besides. */
	feather: z.number().min(0).max(200).default(0),
	/** Colours that the surroundings have thrown onto the object are taken out of it. */
	despill: z.boolean().default(false),
	/** Edges change less from frame to frame. */
	steady: z.boolean().default(false),
	/** Opaque becomes transparent, and the other way round. */
	invert: z.boolean().default(false),
});

export type MatteSettings = z.output<typeof matteSettingsSchema>;
/** The same, with what is left out as usual. */
export type MatteOptions = z.input<typeof matteSettingsSchema>;

export const defaultMatteSettings = matteSettingsSchema.parse({});

/** How opaque each pixel is. */
export type Matte = Raster<1> & {
	/** The same, 0..65535. */
	readonly deep: Uint16Array;
};

/** How opaque the objects of a frame are at each pixel; worked out when it is asked for, and once. */
export type Mattes = {
	/** All objects together. */
	readonly all: Matte;
	/** One object alone; those of all objects add up to 255 (65535) at most, unless they are inverted. */
	of(id: number): Matte;
	/** The picture with the objects' own colours where they are transparent, which go with straight alpha. */
	coloursOf(picture: Raster<3>): Raster<3>;
};

/**
 * The mattes of a frame's objects.
 *
 * @param image the frame as it was filmed, of the labels' size
 * @param before the same for all frames of a clip, which come in their order: what `steady` goes by
 */
export const mattesOf = (
	image: Raster<3>,
	labels: LabelMap,
	settings: MatteSettings,
	before?: MattesBefore,
): Mattes => {
	const opacity = (id: number | undefined): Opacity =>
		opacityOf(image, marked(labels, id), settings, settings.steady ? before?.of(id) : undefined);
	const whole = remembered(() => opacity(undefined));
	const objects = remembered(() => sharedOut(new Map(objectIds(labels).map((id) => [id, opacity(id)]))));
	const all = remembered(() => matteOf(labels, inverted(whole().alpha, settings)));
	return {
		get all() {
			return all();
		},
		of: (id) => {
			const alpha = objects().get(id)?.alpha ?? new Uint16Array(labels.ids.length);
			// Of several objects rounded down, or they would add up to more than all.
			return matteOf(labels, inverted(alpha, settings), objects().size > 1);
		},
		coloursOf: (picture) => {
			const { alpha, box } = whole();
			// Of what is left when objects are cut out, the colours are as they were filmed.
			if (settings.invert) {
				return picture;
			}
			const own = box === undefined ? picture : foregroundColours(picture, alpha, box);
			return settings.despill ? despilled(own, image, alpha, box ?? { ...sizeOf(image), x: 0, y: 0 }) : own;
		},
	};
};

/** What was found in the frame before, of all objects together and of each. */
export class MattesBefore {
	readonly #lines = new Map<number | undefined, LinesBefore>();

	of(id: number | undefined): LinesBefore {
		const lines = this.#lines.get(id) ?? new LinesBefore();
		this.#lines.set(id, lines);
		return lines;
	}
}

/** @param alpha 0..`OPAQUE` @param box outside of which nothing is opaque; undefined where edges are hard */
type Opacity = { readonly alpha: Uint16Array; readonly box: Box | undefined };

const sizeOf = ({ width, height }: Size): Size => ({ width, height });

const remembered = <Value>(make: () => Value): (() => Value) => {
	let made: { readonly value: Value } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
};

/** 1 in an object, or in any. */
const marked = ({ ids }: LabelMap, wanted: number | undefined): Uint8Array => {
	const marks = new Uint8Array(ids.length);
	for (let at = 0; at < ids.length; at++) {
		const id = ids[at]!;
		marks[at] = (wanted === undefined ? id > 0 : id === wanted) ? 1 : 0;
	}
	return marks;
};

/** A matte in 8 bits, too. @param isRoundedDown or to what is nearest */
export const matteOf = ({ width, height }: Size, deep: Uint16Array, isRoundedDown = false): Matte => {
	const data = new Uint8Array(deep.length);
	const step = OPAQUE / 255;
	const rounding = isRoundedDown ? 0 : step / 2;
	for (let at = 0; at < data.length; at++) {
		data[at] = Math.floor((deep[at]! + rounding) / step);
	}
	return { width, height, channels: 1, data, deep };
};

const inverted = (alpha: Uint16Array, { invert }: MatteSettings): Uint16Array =>
	invert ? alpha.map((value) => OPAQUE - value) : alpha;

/** Where objects meet, each takes its share of what they claim together. */
const sharedOut = (opacities: ReadonlyMap<number, Opacity>): ReadonlyMap<number, Opacity> => {
	const alphas = [...opacities.values()].map(({ alpha }) => alpha);
	const pixels = alphas.length > 1 ? alphas[0]!.length : 0;
	for (let at = 0; at < pixels; at++) {
		const sum = alphas.reduce((total, alpha) => total + alpha[at]!, 0);
		for (const alpha of sum > OPAQUE ? alphas : []) {
			alpha[at] = Math.floor((alpha[at]! * OPAQUE) / sum);
		}
	}
	return opacities;
};

const opacityOf = (
	image: Raster<3>,
	mask: Uint8Array,
	{ alpha, grow, feather }: MatteSettings,
	before: LinesBefore | undefined,
): Opacity => {
	const size = sizeOf(image);
	if (!mask.includes(1)) {
		return { alpha: new Uint16Array(mask.length), box: undefined };
	}
	const soft = alpha === 'soft' ? softAlpha(image, mask, before) : undefined;
	const found = soft ? placedIn(size, soft.box, soft.alpha) : hardAlpha(mask);
	const grown = grow === 0 ? found : grownBy(grow, found, mask, size, alpha);
	const opacity = feather === 0 ? grown : feathered(grown, size, feather);
	const isWithinBox = grow <= 0 && feather === 0;
	return { alpha: opacity, box: soft && (isWithinBox ? soft.box : { x: 0, y: 0, ...size }) };
};

const hardAlpha = (mask: Uint8Array): Uint16Array => {
	const alpha = new Uint16Array(mask.length);
	for (let at = 0; at < mask.length; at++) {
		alpha[at] = OPAQUE * mask[at]!;
	}
	return alpha;
};

/** Its border lies so many pixels farther out, or farther in; what is soft there stays so as far as it is on the right side. */
const grownBy = (
	by: number,
	found: Uint16Array,
	mask: Uint8Array,
	size: Size,
	alpha: MatteSettings['alpha'],
): Uint16Array => {
	const distance = distanceToBorder(mask, size);
	return found.map((value, at) => {
		const inside = Math.max(0, Math.min(1, distance[at]! + by + 0.5));
		const border = alpha === 'hard' ? (inside > 0.5 ? OPAQUE : 0) : Math.round(OPAQUE * inside);
		return by > 0 ? Math.max(value, border) : Math.min(value, border);
	});
};

const placedIn = (size: Size, box: Box, alpha: Uint16Array): Uint16Array => {
	const out = new Uint16Array(size.width * size.height);
	for (let y = 0; y < box.height; y++) {
		out.set(alpha.subarray(y * box.width, (y + 1) * box.width), (box.y + y) * size.width + box.x);
	}
	return out;
};

/** Three box filters are nearly a Gaussian; all three together reach as far as is asked for. */
const feathered = (alpha: Uint16Array, size: Size, feather: number): Uint16Array => {
	let values: Plane = Float32Array.from(alpha);
	for (let pass = 0; pass < 3; pass++) {
		values = boxMean(values, size, Math.max(1, Math.round(feather / 3)));
	}
	return Uint16Array.from(values, (value) => Math.round(value));
};
