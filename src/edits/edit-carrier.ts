import type { DescriptorExtractor } from '../core/descriptor-map.js';
import type { Frame, LabelMap, Raster } from '../core/frame.js';
import { displayLight, type Light, linearLight } from '../core/light.js';
import type { SoftLabels } from '../core/soft-labels.js';
import { unitDescriptors } from '../motion/descriptor-tracks.js';
import { lumaPyramid } from '../motion/luma-pyramid.js';
import { type Mesh, meshOf } from '../motion/mesh.js';
import { placeMesh } from '../motion/mesh-pose.js';
import { type MeshMotion, MeshTracker, type TrackedFrame, type TrackedMesh } from '../motion/mesh-tracker.js';
import { type CarriedField, drawMesh } from './carried-field.js';
import { compositeEdit } from './composite-edit.js';
import { DescriptorVisibility, visibleAtPixels } from './descriptor-visibility.js';
import type { EditLayer } from './difference-matte.js';
import { type EditPart, editParts } from './edit-parts.js';
import { EditTexture } from './edit-texture.js';
import { lightGains } from './lighting.js';
import { standingOf } from './loose-pieces.js';
import { cutMap, objectVisibility } from './object-visibility.js';
import { smoothInTime, smoothingKernel } from './smooth-in-time.js';

/** How an edit is carried. */
export type CarryingOptions = {
	readonly mode: MeshMotion;
	/** Blend in linear light instead of display values. */
	readonly linearLight: boolean;
	/** Let the edit get brighter and darker with what it lies on. */
	readonly relight: boolean;
	/** With masks: the edit goes with the background, also where objects hide that; they are to be put in front. */
	readonly behind?: boolean | undefined;
	readonly extractor: DescriptorExtractor;
};

/** A frame that an edit is carried to, with the masks that were carried to it, if there are any. */
export type FrameToEdit = { readonly frame: Frame; readonly mask: LabelMap | undefined };

/** A frame with one edit in it. */
export type DrawnEdit = {
	readonly edited: Raster<3>;
	/** Where each part of the edit came from, in the order of drawing. */
	readonly fields: readonly CarriedField[];
	/** 0..1: how much the frame looks like the edit's own where the edit is; of the part that looks least like it. */
	readonly trust: number;
	/** 0..1: the same of all parts together, steady in time. */
	readonly likeness: number;
	/** 0..1: of what is drawn, how much is of pieces that lie on something else than in the edit's own frame. */
	readonly loose: number;
};

const PYRAMID_LEVELS = 4;

/** One part of an edit with all that follows it. */
type CarriedPart = {
	readonly part: EditPart;
	readonly mesh: Mesh;
	readonly tracker: MeshTracker;
	readonly texture: EditTexture;
	/** With masks: where the edit ends at its object's border. */
	readonly cut: Uint8Array | undefined;
	/** Without masks: what tells whether something is in front of the edit. */
	readonly sight: DescriptorVisibility | undefined;
};

/** Where one part of an edit is in a frame. */
export type PartState = {
	readonly tracked: TrackedMesh;
	readonly gains: Float64Array;
	/** Without masks: where something is in front; undefined where nothing is. */
	readonly hidden?: SoftLabels | undefined;
	/** It is the edit's own frame. */
	readonly isOwn: boolean;
};

/** States of all parts in a frame near the one that is drawn. */
export type StatesNearby = {
	/** Frames from the drawn one; 0 is itself. */
	readonly at: number;
	readonly states: readonly PartState[];
};

/** Follows what an edit lies on from the edit's own frame on, in either direction of time, and draws it. */
export class EditCarrier {
	readonly #options: CarryingOptions;
	readonly #parts: readonly CarriedPart[];
	/** The frame that the edit was made on. */
	readonly #own: Raster<3>;
	readonly ownStates: readonly PartState[];

	private constructor(
		layer: EditLayer,
		options: CarryingOptions,
		{ frame, mask }: FrameToEdit,
		tracked: TrackedFrame,
	) {
		const { mode, behind = false } = options;
		const { width, height } = frame.image;
		this.#options = options;
		this.#own = frame.image;
		this.#parts = editParts(layer, mask, behind).map((part) => {
			const mesh = meshOf(part, width, height);
			const area = { width, height, data: part.evidence };
			return {
				part,
				mesh,
				tracker: new MeshTracker({ mesh, area, object: part.object }, mode, tracked),
				texture: new EditTexture(layer, this.#light, part.support),
				cut: mask === undefined || behind ? undefined : cutMap(part, layer, mask),
				sight: mask === undefined ? new DescriptorVisibility(tracked.descriptors) : undefined,
			};
		});
		this.ownStates = this.#parts.map(({ mesh, tracker }) => ({
			tracked: tracker.state,
			gains: new Float64Array(mesh.x.length * 3).fill(1),
			isOwn: true,
		}));
	}

	/** @param item the frame that the edit was made on */
	static async open(layer: EditLayer, options: CarryingOptions, item: FrameToEdit): Promise<EditCarrier> {
		return new EditCarrier(layer, options, item, await trackedFrame(item, options));
	}

	/** Moves on to the next frame: the one behind the last in time, or, if all are given in that order, before it. */
	async advance(item: FrameToEdit): Promise<PartState[]> {
		const { image } = item.frame;
		const frame = await trackedFrame(item, this.#options);
		return this.#parts.map(({ part, mesh, tracker, sight }) => {
			const tracked = tracker.advance(frame);
			const gains = this.#options.relight
				? lightGains(
						mesh,
						{ width: image.width, height: image.height, data: part.evidence },
						this.#own,
						image,
						placeMesh(mesh, tracked),
						tracked.correlation.map((value) => Math.max(0.01, value) ** 2),
						this.#light,
					)
				: new Float64Array(0);
			const hidden = sight?.look(
				frame.descriptors,
				drawMesh(mesh, placeMesh(mesh, tracked), image, tracked.correlation, 1),
				image,
			);
			return { tracked, gains, hidden, isOwn: false };
		});
	}

	/** A frame with the edit in it. @param around states of this frame and of those near it that are known */
	draw({ frame, mask }: FrameToEdit, around: readonly StatesNearby[]): DrawnEdit {
		const fields: CarriedField[] = [];
		let trust = 1;
		let [shown, loose] = [0, 0];
		const edited: Raster<3> = { ...frame.image, data: Uint8Array.from(frame.image.data) };
		const { relight } = this.#options;
		for (const [at, { part, mesh, texture, cut }] of this.#parts.entries()) {
			const series = around.map(({ at: distance, states }) => {
				const { tracked, gains, hidden, isOwn } = states[at]!;
				return {
					...{ at: distance, tracked, gains, hidden, isOwn },
					weights: tracked.correlation.map((value) => Math.max(0, value) ** 2),
				};
			});
			const own = series.find(({ at: distance }) => distance === 0) as (typeof series)[number];
			const smooth = (
				pick: (entry: (typeof series)[number]) => Float64Array,
				perPoint: number,
			): Float64Array =>
				smoothInTime(
					series.map((entry) => ({
						at: entry.at,
						values: pick(entry),
						weights: perPoint === 1 ? entry.weights : repeat(entry.weights, perPoint),
					})),
				);
			const place = placeMesh(mesh, {
				motion: own.tracked.motion,
				offsetX: smooth(({ tracked }) => tracked.offsetX, 1),
				offsetY: smooth(({ tracked }) => tracked.offsetY, 1),
			});
			const gains = relight ? smooth((entry) => entry.gains, 3) : new Float64Array(0);
			const field = drawMesh(
				mesh,
				own.isOwn ? mesh : place,
				edited,
				own.isOwn && relight ? new Float64Array(gains.length).fill(1) : gains,
				relight ? 3 : 0,
			);
			const visible =
				mask === undefined || cut === undefined || own.isOwn
					? visibleAtPixels(field, own.hidden, frame.image)
					: objectVisibility(field, part, cut, mask);
			compositeEdit(edited, field, texture, visible, this.#light, relight);
			const standing = standingOf(mesh, place, field, visible, own.tracked.correlation);
			shown += standing.shown;
			loose += standing.loose;
			fields.push(field);
			trust = Math.min(trust, meanWhere(mesh.evidence, own.tracked.correlation));
		}
		return {
			...{ edited, fields, trust, likeness: this.#likeness(around) },
			loose: shown === 0 ? 0 : loose / shown,
		};
	}

	/** Of all parts, in this frame and those near it. */
	#likeness(around: readonly StatesNearby[]): number {
		let [sum, total] = [0, 0];
		for (const { at: distance, states } of around) {
			for (const [at, { mesh }] of this.#parts.entries()) {
				const weight = smoothingKernel(distance) * mesh.evidence.reduce((all, one) => all + one, 0);
				sum += weight * meanWhere(mesh.evidence, states[at]!.tracked.correlation);
				total += weight;
			}
		}
		return total === 0 ? 0 : sum / total;
	}

	get #light(): Light {
		return lightOf(this.#options);
	}
}

/** The light in which edits are blended. */
export const lightOf = (options: Pick<CarryingOptions, 'linearLight'>): Light =>
	options.linearLight ? linearLight : displayLight;

const trackedFrame = async (
	{ frame: { image }, mask }: FrameToEdit,
	{ extractor }: CarryingOptions,
): Promise<TrackedFrame> => ({
	pyramid: lumaPyramid(image, PYRAMID_LEVELS),
	descriptors: unitDescriptors(await extractor.extract(image)),
	mask,
});

const meanWhere = (weights: Float64Array, values: Float64Array): number => {
	let [sum, total] = [0, 0];
	for (let i = 0; i < values.length; i++) {
		sum += weights[i]! * Math.max(0, values[i]!);
		total += weights[i]!;
	}
	return total === 0 ? 0 : sum / total;
};

const repeat = (values: Float64Array, times: number): Float64Array =>
	Float64Array.from({ length: values.length * times }, (_, at) => values[Math.floor(at / times)]!);
