import { batch, computed, signal } from '@preact/signals';
import type {
	EditChange,
	EditState,
	ExportState,
	MarkedObject,
	Place,
	ProjectSettings,
	ProjectState,
	RunState,
	StudioEvent,
} from '../../src/studio/protocol';
import { ProjectApi, StudioError } from './api';
import { type CachedMask, FrameCache } from './frame-cache';
import { type Display, displays } from './overlay';
import { Painting } from './painting';
import { type Box, boxOf, type Point } from './raster';

export const tools = [
	...(['hint', 'box', 'brush', 'eraser', 'lasso', 'polygon', 'fill', 'hand', 'place'] as const),
] as const;
export type Tool = (typeof tools)[number];

/** What the server takes at most of a picture that is carried. */
const MOST_PICTURE_BYTES = 128 * 2 ** 20;

/** A frame with all that is needed to show it. */
export type Shown = { readonly frame: number; readonly picture: ImageBitmap; readonly mask: CachedMask };

/** Strokes on a frame, and what was there before the first of them. */
export type Hinting = {
	readonly frame: number;
	readonly object: number;
	readonly from: CachedMask;
	readonly strokes: readonly { readonly points: readonly Point[]; readonly isObject: boolean }[];
};

/** What has changed of what is shown. @param box where; everywhere when undefined */
export type Redraw = { readonly box: Box | undefined };

/** Colours that are told apart by most eyes, on most pictures. */
const objectColours = [
	'#ff4f64',
	'#3fb8ff',
	'#ffd23f',
	'#5ee06d',
	'#c77dff',
	'#ff9f43',
	'#2ee6c5',
	'#ff7ac6',
];

const newObject = (id: number): MarkedObject => ({
	...{ id, name: `Object ${id}` },
	colour: objectColours[(id - 1) % objectColours.length] ?? '#ff4f64',
});

/** One open project: its state, the frame that is shown, and what can be done. */
export class Workspace {
	readonly project;
	readonly run = signal<RunState>({ state: 'idle', what: 'masks', done: 0, computed: 0 });
	readonly exporting = signal<ExportState>({ state: 'idle', done: 0, total: 0, outputs: [] });
	readonly isConnected = signal(true);
	readonly notice = signal<string | undefined>(undefined);

	/** The frame that is wanted; {@link shown} follows as soon as it is there. */
	readonly frame = signal(0);
	readonly shown = signal<Shown | undefined>(undefined);
	readonly redraw = signal<Redraw>({ box: undefined });
	readonly isPlaying = signal(false);
	/** Frames are shown as their masks come. */
	readonly isFollowing = signal(false);
	/** Shows what had been found, instead of what was painted over it. */
	readonly isBefore = signal(false);

	readonly tool = signal<Tool>('brush');
	/** Strokes that say what the object is, of the frame that is shown. */
	readonly hints = signal<Hinting | undefined>(undefined);
	/** The engine is thinking about them. */
	readonly isMarking = signal(false);
	/** Of the brush, in pixels of the clip. */
	readonly brush = signal(24);
	readonly object = signal(1);
	readonly hidden = signal<ReadonlySet<number>>(new Set());
	readonly locked = signal<ReadonlySet<number>>(new Set());
	readonly display = signal<Display>('overlay');
	readonly opacity = signal(0.45);
	/** What keys and buttons want of the stage, which knows its own size. */
	readonly zoomRequest = signal<'in' | 'out' | 'fit' | undefined>(undefined);
	/** Pixels of the screen for one of the clip. */
	readonly zoom = signal(1);

	/** How far masks can be trusted, by frame; mutable, `marks` grows with changes. */
	readonly confidence = new Map<number, number>();
	readonly marks = signal(0);

	/** What is carried through the clip, as it is placed at this moment. */
	readonly edit = computed<EditState | null>(() => {
		const { edit } = this.project.value;
		return edit && { ...edit, place: this.placing.value ?? edit.place };
	});
	/** Where a sticker is being moved to, until the server knows it. */
	readonly placing = signal<Place | undefined>(undefined);
	/** Ways to show masks; the edited frames are there when there is an edit. */
	readonly displays = computed(() =>
		displays.filter((name) => name !== 'edited' || this.project.value.edit !== null),
	);

	readonly total = computed(() => Math.max(1, this.project.value.frames.total));
	readonly painted = computed(() => new Set(this.project.value.painted.map(({ frame }) => frame)));
	/** What a run covers. */
	readonly range = computed(() => ({
		start: this.project.value.start ?? 0,
		end: Math.min(this.project.value.end ?? this.total.value, this.total.value),
	}));

	readonly api: ProjectApi;
	readonly cache: FrameCache;
	readonly painting: Painting;
	readonly #stopEvents: () => void;
	#isLoading = false;
	#version = 0;
	#isClosed = false;
	#changingEdit: Promise<void> = Promise.resolve();
	#stopShowing: () => void;
	/** Of the hints that count. */
	#asked = 0;

	constructor(project: ProjectState) {
		this.project = signal(project);
		this.api = new ProjectApi(project.id);
		this.cache = new FrameCache(this.api);
		this.painting = new Painting(this.api, this.cache, {
			change: (frame, box) => {
				if (frame === this.shown.value?.frame) {
					void this.#reload(box);
				}
			},
			saved: (version) => {
				this.#version = Math.max(this.#version, version);
			},
			conflict: (frame, message) => {
				this.notice.value = message;
				this.go(frame);
				void this.#reload(undefined);
			},
			failure: (message) => {
				this.notice.value = message;
			},
		});
		this.#take(project);
		void this.painting.recover(project.width * project.height);
		this.object.value = project.objects[0]?.id ?? 1;
		this.frame.value = project.painted[0]?.frame ?? project.start ?? 0;
		this.#stopEvents = this.api.events(
			(event) => this.#onEvent(event),
			(isConnected) => {
				this.isConnected.value = isConnected;
			},
		);
		void this.#load();
		window.addEventListener('pagehide', this.#onLeave);
		let shownAs = this.display.value;
		this.#stopShowing = this.display.subscribe((display) => {
			if ((display === 'edited') !== (shownAs === 'edited')) {
				void this.#reloadPicture();
			}
			shownAs = display;
		});
	}

	close(): void {
		this.isPlaying.value = false;
		this.#isClosed = true;
		window.removeEventListener('pagehide', this.#onLeave);
		this.#stopShowing();
		this.#stopEvents();
		this.painting.close();
		this.cache.close();
	}

	get size(): { readonly width: number; readonly height: number } {
		const { width, height } = this.project.value;
		return { width, height };
	}

	/** Shows a frame as soon as it is there; what is asked for meanwhile comes first. */
	go(frame: number): void {
		const last = this.total.value - 1;
		const next = Math.max(0, Math.min(last, Math.round(frame)));
		if (next !== this.frame.value) {
			this.painting.end();
			batch(() => {
				this.frame.value = next;
				this.isBefore.value = false;
				this.hints.value = undefined;
			});
		}
		void this.#load();
	}

	/** As {@link go}, by hand: whoever looks for something does not want to be led on. */
	seek(frame: number): void {
		this.isPlaying.value = false;
		this.isFollowing.value = false;
		this.go(frame);
	}

	play(): void {
		if (this.isPlaying.value) {
			this.isPlaying.value = false;
			return;
		}
		this.isFollowing.value = false;
		this.isPlaying.value = true;
		const { start, end } = this.range.value;
		const from = this.frame.value >= end - 1 || this.frame.value < start ? start : this.frame.value;
		void this.#play(from);
	}

	/** A stroke that says what belongs to the object, or what does not; the mask follows. */
	hint(points: readonly Point[], isObject: boolean): void {
		const shown = this.shown.value;
		if (shown === undefined || shown.frame !== this.frame.value || this.isBefore.value) {
			return;
		}
		const object = this.object.value;
		const known = this.hints.value;
		const hinting: Hinting =
			known?.frame === shown.frame && known.object === object
				? { ...known, strokes: [...known.strokes, { points, isObject }] }
				: { frame: shown.frame, object, from: shown.mask, strokes: [{ points, isObject }] };
		this.hints.value = hinting;
		const of = (kind: boolean): [number, number][][] =>
			hinting.strokes
				.filter((stroke) => stroke.isObject === kind)
				.map(({ points: line }) => line.map(([x, y]): [number, number] => [x - 0.5, y - 0.5]));
		const strokes = { object: of(true), background: of(false) };
		const marked = shown.mask.ids?.map((id) => (id === object ? 1 : 0));
		if (strokes.object.length > 0 || marked?.includes(1) === true) {
			// What had been painted or found before the first stroke is not found anew.
			const keep = hinting.from.ids?.includes(object) === true;
			this.#mark(hinting, () => this.api.hints(shown.frame, { ...strokes, keep }, marked));
		}
	}

	/** A box around the object. */
	hintBox([ax, ay]: Point, [bx, by]: Point): void {
		const shown = this.shown.value;
		const { width, height } = this.size;
		const box: [number, number, number, number] = [
			...[Math.max(0, Math.min(ax, bx)), Math.max(0, Math.min(ay, by))],
			...[Math.min(width - 1, Math.max(ax, bx)), Math.min(height - 1, Math.max(ay, by))],
		] as [number, number, number, number];
		if (
			shown === undefined ||
			shown.frame !== this.frame.value ||
			box[2] - box[0] < 4 ||
			box[3] - box[1] < 4
		) {
			return;
		}
		const hinting: Hinting = { frame: shown.frame, object: this.object.value, from: shown.mask, strokes: [] };
		this.#mark(hinting, async () => {
			const found = await this.api.hints(shown.frame, { object: [], background: [], box });
			// A box adds to what is marked elsewhere.
			return found?.map((value, at) => (shown.mask.ids?.[at] === hinting.object ? 1 : value));
		});
	}

	/** What the engine makes of hints becomes a step that can be undone; what was asked later counts. */
	#mark(hinting: Hinting, ask: () => Promise<Uint8Array<ArrayBuffer> | undefined>): void {
		const asked = ++this.#asked;
		this.isMarking.value = true;
		this.attempt(async () => {
			try {
				const marked = await ask();
				const shown = this.shown.value;
				if (asked !== this.#asked || shown?.frame !== hinting.frame) {
					return;
				}
				const { width, height } = this.size;
				const ids = hinting.from.ids?.slice() ?? new Uint8Array(width * height);
				for (let at = 0; at < ids.length; at++) {
					if (marked?.[at] === 1 && this.mayChange(ids[at]!)) {
						ids[at] = hinting.object;
					} else if (marked?.[at] === 0 && ids[at] === hinting.object) {
						ids[at] = 0;
					}
				}
				this.painting.replace(hinting.frame, this.size, await this.cache.newestMask(hinting.frame), ids);
			} finally {
				if (asked === this.#asked) {
					this.isMarking.value = false;
				}
			}
		});
	}

	undo(): void {
		this.hints.value = undefined;
		void this.painting.undo(this.size).then((frame) => frame !== undefined && this.seek(frame));
	}

	redo(): void {
		void this.painting.redo(this.size).then((frame) => frame !== undefined && this.seek(frame));
	}

	/** A stroke that is under way when the page is left, or loaded anew, is kept as far as it has come. */
	readonly #onLeave = (): void => this.painting.end();

	/** Whether tools may change pixels of an object. */
	readonly mayChange = (id: number): boolean => !this.locked.value.has(id);

	set(settings: ProjectSettings): void {
		this.attempt(async () => this.#take(await this.api.set(settings)));
	}

	/** The run begins with the frame that is shown. */
	setIn(): void {
		this.set({ start: this.frame.value === 0 ? null : this.frame.value });
	}

	/** The run ends behind the frame that is shown. */
	setOut(): void {
		const end = this.frame.value + 1;
		this.set({ end: end >= this.total.value ? null : end });
	}

	addObject(): void {
		const { objects } = this.project.value;
		const taken = new Set(objects.map(({ id }) => id));
		const id = Array.from({ length: 255 }, (_, n) => n + 1).find((free) => !taken.has(free));
		if (id !== undefined) {
			this.attempt(async () => {
				this.#take(await this.api.set({ objects: [...objects, newObject(id)] }));
				this.object.value = id;
			});
		}
	}

	/** The next frame whose mask is trusted less than its neighbours. */
	nextDip(): void {
		const dips = dipsOf(this.confidence, this.total.value);
		const next = dips.find((frame) => frame > this.frame.value) ?? dips[0];
		if (next === undefined) {
			this.notice.value = 'No frame stands out: all masks are trusted alike.';
		} else {
			this.seek(next);
		}
	}

	/** The next or previous painted frame. */
	nextPainted(step: 1 | -1): void {
		const frames = this.project.value.painted.map(({ frame }) => frame);
		const next =
			step > 0
				? frames.find((frame) => frame > this.frame.value)
				: frames.filter((frame) => frame < this.frame.value).at(-1);
		if (next !== undefined) {
			this.seek(next);
		}
	}

	/** Takes a tool, and shows what it works on. */
	choose(tool: Tool): void {
		const { edit, display } = this;
		if (tool === 'place') {
			if (edit.value?.kind !== 'sticker') {
				this.notice.value = 'There is no sticker to be placed: load one at the right, under Edit.';
				return;
			}
			display.value = 'edited';
			this.seek(edit.value.frame);
		} else if (tool !== 'hand' && (display.value === 'edited' || display.value === 'picture')) {
			display.value = 'overlay';
		}
		this.tool.value = tool;
	}

	/** Goes on with what is paused, or finds the masks. */
	startRun(what: RunState['what'] = this.run.value.state === 'idle' ? 'masks' : this.run.value.what): void {
		this.isPlaying.value = false;
		this.isFollowing.value = true;
		if (what === 'edit') {
			this.display.value = 'edited';
			if (this.tool.value === 'place') {
				this.tool.value = 'hand';
			}
		} else if (this.display.value === 'edited') {
			this.display.value = 'overlay';
		}
		this.attempt(async () => {
			await this.#changingEdit;
			this.run.value = await this.api.run(what);
		});
	}

	/** Loads a picture that is carried from the frame that is shown on; a sticker is put on the object. */
	loadEdit(file: File): void {
		this.attempt(async () => {
			await this.#changingEdit;
			const { x, y, size } = this.#middleOfObject();
			const basis = this.project.value.edit?.revision ?? 0;
			const asked = { frame: this.frame.value, name: file.name.slice(-255), basis, x, y, size };
			if (file.size > MOST_PICTURE_BYTES) {
				throw new Error("A picture of more than 128 MB can't be loaded.");
			}
			this.notice.value = undefined;
			this.#take(await this.api.loadEdit(file, asked));
			this.display.value = 'edited';
			if (this.edit.value?.kind === 'sticker') {
				this.choose('place');
			} else if (this.tool.value === 'place') {
				this.tool.value = 'hand';
			}
		});
	}

	/** Changes the edit, one change after the other; while the studio does not answer, it is tried again. */
	changeEdit(change: EditChange): void {
		if (change.place !== undefined) {
			this.placing.value = change.place;
		}
		const changed = this.#changingEdit.then(async () => {
			for (;;) {
				const { edit } = this.project.value;
				if (edit === null) {
					return;
				}
				try {
					this.#take(await this.api.changeEdit(change, edit.revision));
					return;
				} catch (error) {
					if (!(error instanceof StudioError && error.status === 0) || this.#isClosed) {
						throw error;
					}
					await new Promise((resolve) => setTimeout(resolve, 1000));
				}
			}
		});
		const settled = changed
			.catch(() => undefined)
			.then(() => {
				if (this.#changingEdit === settled) {
					this.placing.value = undefined;
				}
			});
		this.#changingEdit = settled;
		this.attempt(() => changed);
	}

	removeEdit(): void {
		this.attempt(async () => {
			await this.#changingEdit;
			const { edit } = this.project.value;
			if (edit !== null) {
				this.#take(await this.api.removeEdit(edit.revision));
			}
		});
	}

	/** Where a sticker is put: onto the chosen object, or the middle of the picture. */
	#middleOfObject(): { readonly x: number; readonly y: number; readonly size: number } {
		const { width, height } = this.size;
		const { shown, frame, object } = this;
		const ids = shown.value?.frame === frame.value ? shown.value.mask.ids : undefined;
		const box = ids && boxOf({ width, height, ids }, object.value);
		return box === undefined
			? { x: width / 2, y: height / 2, size: Math.min(width, height) / 3 }
			: {
					...{ x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2 },
					size: Math.max(8, 0.6 * Math.min(box.x1 - box.x0, box.y1 - box.y0)),
				};
	}

	pauseRun(): void {
		this.attempt(async () => {
			this.run.value = await this.api.pause();
		});
	}

	cancelRun(): void {
		this.attempt(async () => {
			this.run.value = await this.api.cancelRun();
		});
	}

	/** Paints the frame that is shown as a mask file is; objects that the project does not know are added. */
	loadMask(file: File): void {
		this.attempt(async () => {
			const ids = await this.api.maskFile(file);
			const shown = this.shown.value;
			if (ids === undefined || shown === undefined || shown.frame !== this.frame.value) {
				return;
			}
			const { objects } = this.project.value;
			const unknown = [...new Set(ids)].filter((id) => id > 0 && objects.every((object) => object.id !== id));
			if (unknown.length > 0) {
				this.#take(await this.api.set({ objects: [...objects, ...unknown.map(newObject)] }));
			}
			this.painting.replace(shown.frame, this.size, shown.mask, ids);
		});
	}

	unpaint(): void {
		const { value: frame } = this.frame;
		this.painting.unpaint(frame);
		this.shown.value = this.shown.value && { ...this.shown.value, mask: { kind: 'none', ids: undefined } };
		this.redraw.value = { box: undefined };
	}

	/** What goes wrong is told. */
	attempt(action: () => Promise<unknown>): void {
		action().catch((error: unknown) => {
			this.notice.value = error instanceof Error ? error.message : String(error);
		});
	}

	/** A mask that somebody asked to see, of the frame that is shown. */
	async toggleBefore(): Promise<void> {
		const { frame } = this;
		this.isBefore.value = !this.isBefore.value;
		const { shown } = this;
		if (shown.value?.frame !== frame.value) {
			return;
		}
		const mask: CachedMask = this.isBefore.value
			? { kind: 'found', ids: await this.api.before(frame.value) }
			: await this.cache.newestMask(frame.value);
		shown.value = { ...shown.value, mask };
		this.redraw.value = { box: undefined };
	}

	async #load(): Promise<void> {
		if (this.#isLoading) {
			return;
		}
		this.#isLoading = true;
		try {
			while (this.shown.value?.frame !== this.frame.value) {
				const frame = this.frame.value;
				await this.#show(frame);
			}
		} catch (error) {
			if (this.shown.value === undefined) {
				this.notice.value = error instanceof Error ? error.message : String(error);
			}
			// An answer that is missing now may come with the next frame that is asked for.
		} finally {
			this.#isLoading = false;
		}
	}

	/** As it is shown: with the edit in it where that is asked for, and has been carried there. */
	async #picture(frame: number): Promise<ImageBitmap> {
		const edited = this.display.value === 'edited' ? await this.cache.edited(frame) : undefined;
		return edited ?? this.cache.picture(frame);
	}

	/** The picture of the frame that is shown, after it has changed. */
	async #reloadPicture(): Promise<void> {
		const { shown } = this;
		const frame = shown.value?.frame;
		const picture = frame === undefined ? undefined : await this.#picture(frame).catch(() => undefined);
		if (picture !== undefined && shown.value?.frame === frame) {
			shown.value = { ...(shown.value as Shown), picture };
		}
	}

	async #show(frame: number): Promise<void> {
		this.cache.mask(frame).catch(() => {});
		const picture = await this.#picture(frame);
		const mask = await this.cache.newestMask(frame);
		batch(() => {
			this.shown.value = { frame, picture, mask };
			this.redraw.value = { box: undefined };
		});
	}

	/** The mask of the frame that is shown, after it has changed. */
	async #reload(box: Box | undefined): Promise<void> {
		const { shown } = this;
		if (shown.value === undefined) {
			return;
		}
		const { frame } = shown.value;
		const mask = await this.cache.newestMask(frame);
		if (shown.value?.frame === frame && !this.isBefore.value) {
			batch(() => {
				shown.value = { frame, picture: (shown.value as Shown).picture, mask };
				this.redraw.value = { box };
			});
		}
	}

	async #play(from: number): Promise<void> {
		const { frameRate } = this.project.value;
		let started = performance.now();
		let first = from;
		for (let frame = from; this.isPlaying.value; ) {
			for (let ahead = 1; ahead <= 8 && frame + ahead < this.range.value.end; ahead++) {
				this.#picture(frame + ahead).catch(() => {});
				this.cache.mask(frame + ahead).catch(() => {});
			}
			try {
				this.frame.value = frame;
				await this.#show(frame);
			} catch {
				this.isPlaying.value = false;
				return;
			}
			await nextPaint();
			const due = first + Math.floor(((performance.now() - started) * frameRate) / 1000);
			if (due > frame + frameRate) {
				// What could not be loaded in time is not skipped: the clock waits.
				[started, first] = [performance.now(), frame];
			}
			while (this.isPlaying.value && performance.now() < started + ((frame + 1 - first) * 1000) / frameRate) {
				await nextPaint();
			}
			frame = Math.max(frame + 1, Math.min(due, frame + 2));
			if (frame >= this.range.value.end) {
				[frame, first, started] = [this.range.value.start, this.range.value.start, performance.now()];
			}
		}
	}

	#take(project: ProjectState): void {
		if (project.version < this.#version) {
			return;
		}
		this.#version = project.version;
		const { edit } = this.project.value;
		const isEditAnother =
			edit?.revision !== project.edit?.revision ||
			edit?.isCurrent !== project.edit?.isCurrent ||
			(edit?.carriedTo ?? 0) > (project.edit?.carriedTo ?? 0);
		const changed = this.painting.takeRevisions(project.painted);
		batch(() => {
			this.project.value = project;
			this.confidence.clear();
			for (const [frame, value] of Object.entries(project.confidence)) {
				this.confidence.set(Number(frame), value);
			}
			this.marks.value++;
		});
		this.painting.changedElsewhere(changed);
		if (isEditAnother) {
			this.cache.forgetEdited();
			if (project.edit === null) {
				this.display.value = this.display.value === 'edited' ? 'overlay' : this.display.value;
				this.tool.value = this.tool.value === 'place' ? 'hand' : this.tool.value;
			} else if (this.display.value === 'edited') {
				void this.#reloadPicture();
			}
		}
		if (changed.includes(this.frame.value)) {
			void this.#reload(undefined);
		}
	}

	#onEvent(event: StudioEvent): void {
		switch (event.type) {
			case 'project':
				this.#take(event.project);
				break;
			case 'frames':
				this.project.value = { ...this.project.value, frames: event.frames };
				break;
			case 'run':
				if (event.run.failure !== undefined && this.run.value.failure !== event.run.failure) {
					this.notice.value = event.run.failure;
				}
				this.run.value = event.run;
				break;
			case 'edited':
				this.#onEdited(event.frame);
				break;
			case 'export':
				this.exporting.value = event.export;
				break;
			case 'mask':
				this.#onMask(event.frame, event.confidence);
		}
	}

	#onEdited(frame: number): void {
		const { project } = this;
		const { edit } = project.value;
		if (edit !== null) {
			const carriedTo = Math.max(edit.carriedTo, frame + 1);
			project.value = { ...project.value, edit: { ...edit, carriedTo } };
		}
		this.marks.value++;
		this.cache.forgetEdited(frame);
		if (this.isFollowing.value) {
			this.go(frame);
		}
		if (this.shown.value?.frame === frame && this.display.value === 'edited') {
			void this.#reloadPicture();
		}
	}

	#onMask(frame: number, confidence: number): void {
		this.confidence.set(frame, confidence);
		const { project } = this;
		if (project.value.outdated.length > 0) {
			const outdated = project.value.outdated.flatMap(([from, to]): [number, number][] =>
				frame < from || frame >= to
					? [[from, to]]
					: [
							[from, frame],
							[frame + 1, to],
						],
			);
			project.value = { ...project.value, outdated: outdated.filter(([from, to]) => from < to) };
		}
		this.marks.value++;
		if (this.painted.value.has(frame)) {
			if (this.isFollowing.value) {
				this.go(frame);
			}
			return;
		}
		this.cache.forgetMask(frame);
		if (this.isFollowing.value) {
			this.go(frame);
		}
		if (this.shown.value?.frame === frame) {
			void this.#reload(undefined);
		}
	}
}

const nextPaint = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));

/** Frames that are trusted less than what is around them: the lowest of each valley, where it is deeper than a wobble. */
export const dipsOf = (confidence: ReadonlyMap<number, number>, total: number): number[] => {
	const dips: number[] = [];
	const values = Array.from({ length: total }, (_, frame) => confidence.get(frame) ?? 1);
	const around = 8;
	for (const [frame, value] of values.entries()) {
		const neighbours = values.slice(Math.max(0, frame - around), frame + around + 1);
		const isLowest = value === Math.min(...neighbours) && value < (values[frame - 1] ?? 1.1);
		if (isLowest && value < 0.9 && Math.max(...neighbours) - value > 0.03) {
			dips.push(frame);
		}
	}
	return dips;
};
