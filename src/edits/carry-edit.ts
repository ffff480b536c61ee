import type { DescriptorExtractor } from '../core/descriptor-map.js';
import type { Frame, LabelMap, Raster } from '../core/frame.js';
import { displayLight, linearLight } from '../core/light.js';
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
import { cutMap, objectVisibility } from './object-visibility.js';
import { SMOOTHING_FRAMES, smoothInTime } from './smooth-in-time.js';

type CarryEditOptions = {
	readonly layer: EditLayer;
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

export type EditedFrame<Item> = {
	readonly item: Item;
	/** The frame with the edit in it. */
	readonly edited: Raster<3>;
	/** Where each part of the edit came from, in the order of drawing. */
	readonly fields: readonly CarriedField[];
	/** 0..1: how much the frame looks like the first one where the edit is. */
	readonly trust: number;
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

type PartState = {
	readonly tracked: TrackedMesh;
	readonly gains: Float64Array;
	/** Without masks: where something is in front; undefined where nothing is. */
	readonly hidden?: SoftLabels | undefined;
};

type Waiting<Item> = {
	readonly item: Item;
	/** One for each part. */
	readonly states: readonly PartState[];
};

/**
 * Carries an edit of the first frame through a clip: every frame comes back with the edit in it. The first frame gives
 * the layer itself. Frames wait until the few after them are known, so that what moves on its own can be smoothed in
 * time; no more than these are held.
 *
 * @param items in order, from the first frame of the run on, which the edit was made on
 */
export async function* carryEdit<Item extends FrameToEdit>(
	items: AsyncIterable<Item>,
	options: CarryEditOptions,
): AsyncGenerator<EditedFrame<Item>, void, void> {
	let carrier: EditCarrier | undefined;
	const window: Waiting<Item>[] = [];
	let next = 0;
	let dropped = 0;
	const finish = (current: EditCarrier, index: number): EditedFrame<Item> => {
		const around = window.map((waiting, at) => ({ at: at + dropped - index, states: waiting.states }));
		const { item } = window[index - dropped]!;
		return { item, ...current.draw(item, around) };
	};
	for await (const item of items) {
		const { image } = item.frame;
		const frame: TrackedFrame = {
			pyramid: lumaPyramid(image, PYRAMID_LEVELS),
			descriptors: unitDescriptors(await options.extractor.extract(image)),
			mask: item.mask,
		};
		const states: readonly PartState[] = carrier === undefined ? [] : carrier.advance(image, frame);
		carrier ??= new EditCarrier(options, item, frame);
		window.push({ item, states: states.length > 0 ? states : carrier.firstStates });
		if (window.length + dropped - 1 - next >= SMOOTHING_FRAMES) {
			yield finish(carrier, next++);
		}
		if (next - dropped > SMOOTHING_FRAMES) {
			window.shift();
			dropped++;
		}
	}
	while (carrier !== undefined && next < window.length + dropped) {
		yield finish(carrier, next++);
	}
}

class EditCarrier {
	readonly #options: CarryEditOptions;
	readonly #parts: readonly CarriedPart[];
	readonly #first: Raster<3>;
	readonly firstStates: readonly PartState[];

	constructor(options: CarryEditOptions, { frame, mask }: FrameToEdit, tracked: TrackedFrame) {
		const { layer, mode, behind = false } = options;
		const { width, height } = frame.image;
		this.#options = options;
		this.#first = frame.image;
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
		this.firstStates = this.#parts.map(({ mesh, tracker }) => ({
			tracked: tracker.state,
			gains: new Float64Array(mesh.x.length * 3).fill(1),
		}));
	}

	advance(image: Raster<3>, frame: TrackedFrame): PartState[] {
		return this.#parts.map(({ part, mesh, tracker, sight }) => {
			const tracked = tracker.advance(frame);
			const gains = this.#options.relight
				? lightGains(
						mesh,
						{ width: image.width, height: image.height, data: part.evidence },
						this.#first,
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
			return { tracked, gains, hidden };
		});
	}

	/** A frame with the edit in it. */
	draw(
		{ frame, mask }: FrameToEdit,
		around: readonly { readonly at: number; readonly states: readonly PartState[] }[],
	): Omit<EditedFrame<FrameToEdit>, 'item'> {
		const fields: CarriedField[] = [];
		let trust = 1;
		const edited: Raster<3> = { ...frame.image, data: Uint8Array.from(frame.image.data) };
		const { relight } = this.#options;
		for (const [at, { part, mesh, texture, cut }] of this.#parts.entries()) {
			const series = around.map(({ at: distance, states }) => {
				const { tracked, gains, hidden } = states[at]!;
				return {
					...{ at: distance, tracked, gains, hidden },
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
			const isFirst = own.tracked === this.firstStates[at]?.tracked;
			const gains = relight ? smooth((entry) => entry.gains, 3) : new Float64Array(0);
			const field = drawMesh(
				mesh,
				isFirst ? mesh : place,
				edited,
				isFirst && relight ? new Float64Array(gains.length).fill(1) : gains,
				relight ? 3 : 0,
			);
			const visible =
				mask === undefined || cut === undefined || isFirst
					? visibleAtPixels(field, own.hidden, frame.image)
					: objectVisibility(field, part, cut, mask);
			compositeEdit(edited, field, texture, visible, this.#light, relight);
			fields.push(field);
			trust = Math.min(trust, meanWhere(mesh.evidence, own.tracked.correlation));
		}
		return { edited, fields, trust };
	}

	get #light() {
		return this.#options.linearLight ? linearLight : displayLight;
	}
}

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
