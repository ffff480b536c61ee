import type { Frame, LabelMap } from '../core/frame.js';
import type { FrameStore } from '../store/frame-store.js';
import { mixed } from './composite-edit.js';
import type { EditLayer } from './difference-matte.js';
import {
	type CarryingOptions,
	type DrawnEdit,
	EditCarrier,
	type FrameToEdit,
	lightOf,
	type PartState,
	type StatesNearby,
} from './edit-carrier.js';
import { SMOOTHING_FRAMES } from './smooth-in-time.js';

type CarryEditOptions = CarryingOptions & { readonly layer: EditLayer };

export type EditedFrame<Item> = DrawnEdit & { readonly item: Item };

/**
 * Carries an edit of the first item's frame through those that follow: every frame comes back with the edit in it. The
 * first gives the layer itself. Frames wait until the few after them are known, so that what moves on its own can be
 * smoothed in time; no more than these are held.
 *
 * @param items in order, from the frame on which the edit was made
 */
export async function* carryEdit<Item extends FrameToEdit>(
	items: AsyncIterable<Item>,
	{ layer, ...options }: CarryEditOptions,
): AsyncGenerator<EditedFrame<Item>, void, void> {
	let carrier: EditCarrier | undefined;
	const window: { readonly item: Item; readonly states: readonly PartState[] }[] = [];
	let next = 0;
	let dropped = 0;
	const finish = (current: EditCarrier, index: number): EditedFrame<Item> => {
		const around = window.map((waiting, at) => ({ at: at + dropped - index, states: waiting.states }));
		const { item } = window[index - dropped]!;
		return { item, ...current.draw(item, around) };
	};
	for await (const item of items) {
		const states = await carrier?.advance(item);
		carrier ??= await EditCarrier.open(layer, options, item);
		window.push({ item, states: states ?? carrier.ownStates });
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

/** An edit, and the frame on which it was made, counted from 0 in the run. */
export type FrameEdit = { readonly frame: number; readonly layer: EditLayer };

/** All of an item but its frame; ids by themselves, because a store packs bytes that it finds at the top. */
type KeptItem<Item> = {
	readonly ids: Uint8Array | undefined;
	readonly mask: Partial<Omit<LabelMap, 'ids'>>;
	readonly rest: Omit<Item, 'frame' | 'mask'>;
};

/** What frames are decoded again from, and where what is known of them waits meanwhile. */
type EditSpans<Item extends FrameToEdit> = {
	readonly frames: {
		/** @param to the first that is not wanted any more */
		between(from: number, to: number): AsyncIterable<Frame>;
		/** Both included, the last first. */
		backwards(from: number, to: number): AsyncIterable<Frame>;
	};
	readonly items: FrameStore<KeptItem<Item>>;
	/** @param frame of the edit that is followed backwards */
	states(frame: number): FrameStore<{ readonly parts: readonly PartState[] }>;
};

/**
 * Carries edits of several frames through a clip, as painted masks are: they cut it into spans. Before the first one it
 * is carried backwards, behind the last one forwards. Between two, each is carried towards the other, and every frame
 * shows both, the nearer one and the one whose own frame it looks more like the more; so one goes over into the other.
 *
 * Memory does not grow with the clip: what is followed backwards waits on disk.
 *
 * @param items all frames of the run, in order
 * @param edits at least one, by ascending frame
 */
export async function* carryEdits<Item extends FrameToEdit>(
	items: AsyncIterable<Item>,
	edits: readonly FrameEdit[],
	options: CarryingOptions,
	spans: EditSpans<Item>,
): AsyncGenerator<EditedFrame<Item>, void, void> {
	const source = items[Symbol.asyncIterator]();
	try {
		const [first, ...later] = edits;
		if (first === undefined) {
			throw new Error('There is no edit to carry.');
		}
		let left = { ...first, item: await keepUntil(source, first.frame, spans) };
		if (first.frame > 0) {
			const drawInto = await followedBackwards(left, 0, options, spans);
			for await (const item of keptItems(spans, 0, first.frame)) {
				yield { item, ...(await drawInto(item)) };
			}
		}
		for (const edit of later) {
			await keep(spans, left.item);
			const right = { ...edit, item: await keepUntil(source, edit.frame, spans) };
			yield* between(left, right, options, spans);
			left = right;
		}
		yield* carryEdit(joined(left.item, source), { ...options, layer: left.layer });
	} finally {
		await source.return?.();
	}
}

type EditAt<Item> = FrameEdit & { readonly item: Item };

/** The left edit's frame, and those between it and the right one's. */
async function* between<Item extends FrameToEdit>(
	left: EditAt<Item>,
	right: EditAt<Item>,
	options: CarryingOptions,
	spans: EditSpans<Item>,
): AsyncGenerator<EditedFrame<Item>> {
	const drawRight = await followedBackwards(right, left.frame + 1, options, spans);
	const onward = keptItems(spans, left.frame, right.frame);
	for await (const drawn of carryEdit(onward, { ...options, layer: left.layer })) {
		const { index } = drawn.item.frame;
		if (index === left.frame) {
			yield drawn;
		} else {
			const there = (index - left.frame) / (right.frame - left.frame);
			yield bothOf(drawn, await drawRight(drawn.item), there, lightOf(options));
		}
	}
}

/** Puts aside what is known of the frames before one. @returns that one */
const keepUntil = async <Item extends FrameToEdit>(
	source: AsyncIterator<Item>,
	frame: number,
	spans: EditSpans<Item>,
): Promise<Item> => {
	for (;;) {
		const { done, value } = await source.next();
		if (done === true) {
			throw new Error(`The run ends before frame ${frame}.`);
		}
		if (value.frame.index === frame) {
			return value;
		}
		await keep(spans, value);
	}
};

const keep = <Item extends FrameToEdit>(
	{ items }: EditSpans<Item>,
	{ frame, mask, ...rest }: Item,
): Promise<void> => {
	const { ids, ...ofMask } = mask ?? {};
	return items.put(frame.index, { ids, mask: ofMask, rest });
};

/** Items that were put aside, with their frames decoded once more. */
async function* keptItems<Item extends FrameToEdit>(
	{ frames, items }: EditSpans<Item>,
	from: number,
	to: number,
): AsyncGenerator<Item> {
	for await (const frame of frames.between(from, to)) {
		yield withFrame(await items.get(frame.index), frame);
	}
}

const withFrame = <Item extends FrameToEdit>(kept: KeptItem<Item> | undefined, frame: Frame): Item => {
	if (kept === undefined) {
		throw lostFrame(frame.index);
	}
	const { ids, mask, rest } = kept;
	return { ...rest, frame, mask: ids && { ...mask, ids } } as Item;
};

const lostFrame = (index: number): Error =>
	new Error(`What is known of frame ${index} has gone from the folder of temporary files.`);

/** Follows an edit from its frame back to another. @returns what draws it into the frames between, in the order of time */
const followedBackwards = async <Item extends FrameToEdit>(
	{ frame: own, layer, item }: EditAt<Item>,
	to: number,
	options: CarryingOptions,
	spans: EditSpans<Item>,
): Promise<(item: Item) => Promise<DrawnEdit>> => {
	const store = spans.states(own);
	const carrier = await EditCarrier.open(layer, options, item);
	for await (const frame of spans.frames.backwards(own - 1, to)) {
		const parts = await carrier.advance(withFrame<Item>(await spans.items.get(frame.index), frame));
		await store.put(frame.index, { parts });
	}
	const near = new Map<number, readonly PartState[]>([[own, carrier.ownStates]]);
	return async (drawn) => {
		const { index } = drawn.frame;
		const around: StatesNearby[] = [];
		for (let at = -SMOOTHING_FRAMES; at <= SMOOTHING_FRAMES; at++) {
			const frame = index + at;
			if (frame >= to && frame <= own) {
				const states = near.get(frame) ?? (await store.get(frame))?.parts;
				if (states === undefined) {
					throw lostFrame(frame);
				}
				near.set(frame, states);
				around.push({ at, states });
			}
		}
		near.delete(index - SMOOTHING_FRAMES);
		return carrier.draw(drawn, around);
	};
};

/** @param there how far the frame is on its way from one edit to the other, 0..1 */
const bothOf = <Item extends FrameToEdit>(
	left: EditedFrame<Item>,
	right: DrawnEdit,
	there: number,
	light: ReturnType<typeof lightOf>,
): EditedFrame<Item> => {
	const [a, b] = [(1 - there) * left.likeness ** 2, there * right.likeness ** 2];
	const share = a + b === 0 ? there : b / (a + b);
	const mean = (ofLeft: number, ofRight: number): number => ofLeft + share * (ofRight - ofLeft);
	return {
		item: left.item,
		edited: mixed(left.edited, right.edited, share, light),
		fields: [...left.fields, ...right.fields],
		trust: mean(left.trust, right.trust),
		likeness: mean(left.likeness, right.likeness),
		loose: mean(left.loose, right.loose),
	};
};

async function* joined<Item>(first: Item, rest: AsyncIterator<Item>): AsyncGenerator<Item> {
	yield first;
	for (let result = await rest.next(); result.done !== true; result = await rest.next()) {
		yield result.value;
	}
}
