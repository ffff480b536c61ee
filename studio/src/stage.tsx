import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Place } from '../../src/studio/protocol';
import { drawMask } from './overlay';
import { fillPolygon, floodFill, type IdMap, type Point, paintStroke } from './raster';
import { dragged, type Grip, gripAt, StickerHandles } from './sticker-handles';
import type { Tool, Workspace } from './workspace';

const MOST_ZOOM = 32;
const ZOOM_STEP = 1.25;
/** Around the picture when all of it is shown, in pixels of the screen. */
const MARGIN = 16;
/** A click so near to the first corner closes a polygon, in pixels of the screen. */
const CLOSE_PX = 10;

/** The picture with its mask, and what the mouse does on it. */
export const Stage = ({ workspace }: { readonly workspace: Workspace }) => {
	const host = useRef<HTMLDivElement>(null);
	const picture = useRef<HTMLCanvasElement>(null);
	const overlay = useRef<HTMLCanvasElement>(null);
	const { zoom } = workspace;
	const pan = useSignal({ x: 0, y: 0 });
	const isFitted = useRef(true);
	/** Where the mouse is, in pixels of the clip. */
	const mouse = useSignal<Point | undefined>(undefined);
	/** Of lasso or polygon, as far as it has come. */
	const line = useSignal<readonly Point[]>([]);
	const isPanning = useSignal(false);
	const { width, height } = workspace.size;

	const showAll = (): void => {
		const box = host.current?.getBoundingClientRect();
		if (box === undefined || box.width === 0) {
			return;
		}
		const scale = Math.min((box.width - 2 * MARGIN) / width, (box.height - 2 * MARGIN) / height, MOST_ZOOM);
		zoom.value = scale;
		pan.value = { x: (box.width - width * scale) / 2, y: (box.height - height * scale) / 2 };
		isFitted.current = true;
	};

	/** @param at a place in the host that stays where it is */
	const zoomTo = (wanted: number, at?: { readonly x: number; readonly y: number }): void => {
		const box = host.current?.getBoundingClientRect();
		if (box === undefined) {
			return;
		}
		const next = Math.max(0.05, Math.min(MOST_ZOOM, wanted));
		const { x, y } = at ?? { x: box.width / 2, y: box.height / 2 };
		const factor = next / zoom.value;
		pan.value = { x: x - (x - pan.value.x) * factor, y: y - (y - pan.value.y) * factor };
		zoom.value = next;
		isFitted.current = false;
	};

	useEffect(() => {
		const observer = new ResizeObserver(() => {
			if (isFitted.current) {
				showAll();
			}
		});
		if (host.current !== null) {
			observer.observe(host.current);
		}
		return () => observer.disconnect();
	}, [workspace]);

	useSignalEffect(() => {
		const request = workspace.zoomRequest.value;
		if (request !== undefined) {
			workspace.zoomRequest.value = undefined;
			if (request === 'fit') {
				showAll();
			} else {
				zoomTo(zoom.peek() * (request === 'in' ? ZOOM_STEP : 1 / ZOOM_STEP));
			}
		}
	});

	useSignalEffect(() => {
		const shown = workspace.shown.value;
		const context = picture.current?.getContext('2d');
		if (shown !== undefined && context) {
			context.imageSmoothingQuality = 'high';
			context.drawImage(shown.picture, 0, 0, width, height);
		}
	});

	const style = useComputed(() => ({
		display: workspace.display.value,
		opacity: workspace.opacity.value,
		objects: workspace.project.value.objects,
		hidden: workspace.hidden.value,
	}));
	const lastStyle = useRef(style.peek());
	useSignalEffect(() => {
		const { box } = workspace.redraw.value;
		const shown = workspace.shown.value;
		const context = overlay.current?.getContext('2d');
		if (shown === undefined || !context) {
			return;
		}
		const { ids } = shown.mask;
		const map = ids && { width, height, ids };
		// A changed style is drawn everywhere, and edges reach one pixel beyond what has changed.
		const all = box === undefined || lastStyle.current !== style.value;
		lastStyle.current = style.value;
		drawMask(
			context,
			map ?? (style.value.display === 'matte' ? emptyMap(width, height) : undefined),
			style.value,
			all
				? { x0: 0, y0: 0, x1: width, y1: height }
				: {
						...{ x0: Math.max(0, box.x0 - 1), y0: Math.max(0, box.y0 - 1) },
						...{ x1: Math.min(width, box.x1 + 1), y1: Math.min(height, box.y1 + 1) },
					},
		);
	});

	// A frame is looked at as soon as somebody may draw strokes on it.
	useSignalEffect(() => {
		const wanted = workspace.shown.value?.frame;
		if (
			(workspace.tool.value === 'hint' || workspace.tool.value === 'box') &&
			wanted !== undefined &&
			!workspace.isPlaying.value &&
			workspace.run.value.state === 'idle'
		) {
			const timer = setTimeout(() => workspace.api.lookAt(wanted).catch(() => {}), 300);
			return () => clearTimeout(timer);
		}
		return undefined;
	});

	// A tool that is changed leaves no line behind.
	useSignalEffect(() => {
		workspace.tool.value;
		workspace.frame.value;
		line.value = [];
	});

	const pointOf = (event: MouseEvent): Point => {
		const box = (host.current as HTMLDivElement).getBoundingClientRect();
		return [
			(event.clientX - box.left - pan.value.x) / zoom.value,
			(event.clientY - box.top - pan.value.y) / zoom.value,
		];
	};

	/** What the tool paints with: Alt and the right button take away. */
	const idOf = (event: MouseEvent, tool: Tool): number =>
		tool === 'eraser' || event.altKey || event.button === 2 || (event.buttons & 2) !== 0
			? 0
			: workspace.object.value;

	const begin = (): boolean => {
		const shown = workspace.shown.value;
		if (shown === undefined || shown.frame !== workspace.frame.value || workspace.isBefore.value) {
			return false;
		}
		workspace.isPlaying.value = false;
		workspace.isFollowing.value = false;
		workspace.painting.begin(shown.frame, workspace.size, shown.mask);
		return true;
	};

	const paintOnce = (tool: (map: IdMap) => ReturnType<typeof floodFill>): void => {
		if (begin()) {
			workspace.painting.paint(tool);
			workspace.painting.end();
		}
	};

	const closePolygon = (id: number): void => {
		const points = line.value;
		line.value = [];
		paintOnce((map) => fillPolygon(map, points, id, workspace.mayChange));
	};

	const drag = useRef<
		| {
				readonly id: number;
				last: Point;
				readonly panFrom?: { x: number; y: number; px: number; py: number };
				readonly placeFrom?: { readonly place: Place; readonly grip: Grip; readonly at: Point };
		  }
		| undefined
	>(undefined);

	const onDown = (event: PointerEvent): void => {
		host.current?.focus({ preventScroll: true });
		const tool = workspace.tool.value;
		const point = pointOf(event);
		if (tool === 'place' && event.button !== 1) {
			const { edit } = workspace;
			if (edit.value?.kind === 'sticker' && edit.value.frame === workspace.frame.value) {
				host.current?.setPointerCapture(event.pointerId);
				const { place } = edit.value;
				const placeFrom = { place, grip: gripAt(point, edit.value, place, zoom.value), at: point };
				drag.current = { id: 0, last: point, placeFrom };
			}
			return;
		}
		if (event.button === 1 || tool === 'hand') {
			event.preventDefault();
			host.current?.setPointerCapture(event.pointerId);
			isPanning.value = true;
			drag.current = {
				id: 0,
				last: point,
				panFrom: { x: event.clientX, y: event.clientY, px: pan.value.x, py: pan.value.y },
			};
			return;
		}
		const id = idOf(event, tool);
		switch (tool) {
			case 'brush':
			case 'eraser':
				if (begin()) {
					host.current?.setPointerCapture(event.pointerId);
					drag.current = { id, last: point };
					workspace.painting.paint((map) =>
						paintStroke(map, point, point, workspace.brush.value, id, workspace.mayChange),
					);
				}
				break;
			case 'hint':
			case 'box':
			case 'lasso':
				host.current?.setPointerCapture(event.pointerId);
				drag.current = { id, last: point };
				line.value = [point];
				break;
			case 'polygon': {
				const [first] = line.value;
				const isClosed =
					line.value.length >= 3 &&
					first !== undefined &&
					Math.hypot(point[0] - first[0], point[1] - first[1]) * zoom.value < CLOSE_PX;
				if (isClosed || event.detail > 1) {
					closePolygon(id);
				} else {
					line.value = [...line.value, point];
				}
				break;
			}
			case 'fill':
				paintOnce((map) => floodFill(map, point, id, workspace.mayChange));
		}
	};

	const onMove = (event: PointerEvent): void => {
		mouse.value = pointOf(event);
		const { current } = drag;
		if (current === undefined) {
			return;
		}
		if (current.panFrom !== undefined) {
			const { x, y, px, py } = current.panFrom;
			pan.value = { x: px + event.clientX - x, y: py + event.clientY - y };
			isFitted.current = false;
			return;
		}
		if (current.placeFrom !== undefined) {
			const { place, grip, at } = current.placeFrom;
			workspace.placing.value = dragged(place, grip, at, pointOf(event), event.shiftKey);
			return;
		}
		const moves = event.getCoalescedEvents?.() ?? [];
		for (const move of moves.length > 0 ? moves : [event]) {
			const point = pointOf(move);
			if (workspace.tool.value === 'box') {
				line.value = rectangle(line.value[0] ?? point, point);
			} else if (workspace.tool.value === 'lasso' || workspace.tool.value === 'hint') {
				line.value = [...line.value, point];
			} else {
				const from = current.last;
				workspace.painting.paint((map) =>
					paintStroke(map, from, point, workspace.brush.value, current.id, workspace.mayChange),
				);
			}
			current.last = point;
		}
	};

	const onUp = (event: PointerEvent): void => {
		const { current } = drag;
		drag.current = undefined;
		isPanning.value = false;
		if (current === undefined || current.panFrom !== undefined) {
			return;
		}
		if (current.placeFrom !== undefined) {
			const place = workspace.placing.value;
			if (place !== undefined) {
				workspace.changeEdit({ place });
			}
		} else if (workspace.tool.value === 'hint') {
			workspace.hint(thinned(line.value), current.id > 0);
			line.value = [];
		} else if (workspace.tool.value === 'box') {
			const [from] = line.value;
			line.value = [];
			if (from !== undefined) {
				workspace.hintBox(from, pointOf(event));
			}
		} else if (workspace.tool.value === 'lasso') {
			closePolygon(current.id);
		} else {
			workspace.painting.end();
		}
		host.current?.releasePointerCapture(event.pointerId);
	};

	const onWheel = (event: WheelEvent): void => {
		event.preventDefault();
		const box = (host.current as HTMLDivElement).getBoundingClientRect();
		if (event.shiftKey || (event.deltaX !== 0 && !event.ctrlKey)) {
			pan.value = { x: pan.value.x - event.deltaX - (event.shiftKey ? event.deltaY : 0), y: pan.value.y };
			isFitted.current = false;
			return;
		}
		const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
		zoomTo(zoom.value * factor, { x: event.clientX - box.left, y: event.clientY - box.top });
	};

	// A wheel listener that may prevent what the browser does must not be passive.
	useEffect(() => {
		const { current } = host;
		current?.addEventListener('wheel', onWheel, { passive: false });
		return () => current?.removeEventListener('wheel', onWheel);
	});

	const onKey = (event: KeyboardEvent): void => {
		if (event.key === 'Escape') {
			line.value = [];
			workspace.painting.abandon();
			if (drag.current?.placeFrom !== undefined) {
				workspace.placing.value = undefined;
			}
			drag.current = undefined;
		} else if (event.key === 'Enter' && line.value.length >= 3) {
			closePolygon(event.altKey ? 0 : workspace.object.value);
		}
	};

	const shown = workspace.shown.value;
	const tool = workspace.tool.value;
	const edit = workspace.edit.value;
	const isEdited = workspace.display.value === 'edited';
	const isEditShown = edit !== null && shown?.frame === edit.frame && isEdited;
	const isNotCarried =
		edit !== null &&
		shown !== undefined &&
		isEdited &&
		!isEditShown &&
		(shown.frame < edit.frame || shown.frame >= edit.carriedTo);
	const label =
		shown === undefined
			? 'The picture is being loaded'
			: `Frame ${shown.frame}, ${workspace.painted.value.has(shown.frame) ? 'painted' : shown.mask.kind === 'found' ? 'mask found' : 'no mask yet'}`;
	const scale = zoom.value;
	const transform = `translate(${pan.value.x}px, ${pan.value.y}px) scale(${scale})`;
	const hasBrush = (tool === 'brush' || tool === 'eraser') && mouse.value !== undefined && !isPanning.value;
	const onScreen = ([x, y]: Point): Point => [x * scale + pan.value.x, y * scale + pan.value.y];
	const drawn = (
		tool === 'polygon' && mouse.value !== undefined && line.value.length > 0
			? [...line.value, mouse.value]
			: line.value
	).map(onScreen);

	return (
		<div
			ref={host}
			class={`stage ${tool === 'place' ? 'moving' : tool === 'hand' ? (isPanning.value ? 'grabbing' : 'grab') : hasBrush ? 'no-cursor' : 'crosshair'}`}
			data-testid="stage"
			role="application"
			aria-label={`${label}. Paint with the mouse.`}
			// biome-ignore lint/a11y/noNoninteractiveTabindex: painted on, and the polygon is closed with a key
			tabIndex={0}
			onPointerDown={onDown}
			onPointerMove={onMove}
			onPointerUp={onUp}
			onPointerCancel={onUp}
			onPointerLeave={() => {
				mouse.value = undefined;
			}}
			onKeyDown={onKey}
			onContextMenu={(event) => event.preventDefault()}
		>
			<div
				class={scale > 3 ? 'picture crisp' : 'picture'}
				style={{ transform, width: `${width}px`, height: `${height}px` }}
			>
				<canvas ref={picture} width={width} height={height} />
				<canvas ref={overlay} width={width} height={height} class="mask" />
				{edit !== null && isEditShown && (
					<img
						src={workspace.api.editPicture(workspace.project.value.edit?.revision ?? 0)}
						alt=""
						draggable={false}
						style={{
							width: `${edit.width}px`,
							height: `${edit.height}px`,
							transform: `translate(${edit.place.x - edit.width / 2}px, ${edit.place.y - edit.height / 2}px) rotate(${edit.place.angle}deg) scale(${edit.place.scale})`,
						}}
					/>
				)}
			</div>
			<svg class="drawn" aria-hidden="true">
				{tool === 'hint' &&
					workspace.hints.value?.strokes.map(({ points, isObject }, at) => (
						<polyline
							key={at}
							class={isObject ? 'hint' : 'hint not'}
							points={[...points, ...points.slice(-1)].map((point) => onScreen(point).join(',')).join(' ')}
						/>
					))}
				{edit !== null && isEditShown && tool === 'place' && (
					<StickerHandles size={edit} place={edit.place} zoom={scale} onScreen={onScreen} />
				)}
				{drawn.length > 0 && (
					<>
						<polyline class="line under" points={drawn.map((point) => point.join(',')).join(' ')} />
						<polyline class="line" points={drawn.map((point) => point.join(',')).join(' ')} />
					</>
				)}
				{tool === 'polygon' && drawn[0] !== undefined && (
					<circle class="corner" cx={drawn[0][0]} cy={drawn[0][1]} r={5} />
				)}
				{hasBrush && mouse.value !== undefined && (
					<>
						<circle
							class="brush under"
							cx={onScreen(mouse.value)[0]}
							cy={onScreen(mouse.value)[1]}
							r={Math.max(2, (workspace.brush.value * scale) / 2)}
						/>
						<circle
							class="brush"
							cx={onScreen(mouse.value)[0]}
							cy={onScreen(mouse.value)[1]}
							r={Math.max(2, (workspace.brush.value * scale) / 2)}
						/>
					</>
				)}
			</svg>
			{shown === undefined && <p class="stage-note">Reading the clip…</p>}
			{isNotCarried && <p class="stage-note badge">The edit has not been carried here</p>}
			{workspace.isBefore.value && <p class="stage-note badge">Before you painted</p>}
		</div>
	);
};

const emptyMap = (width: number, height: number): IdMap => ({
	width,
	height,
	ids: new Uint8Array(width * height),
});

/** The corners of a box between two of them, and the first again. */
const rectangle = ([ax, ay]: Point, [bx, by]: Point): readonly Point[] => [
	[ax, ay],
	[bx, ay],
	[bx, by],
	[ax, by],
	[ax, ay],
];

/** Points of a stroke that are some pixels apart: more say no more. */
const thinned = (points: readonly Point[]): readonly Point[] => {
	const kept: Point[] = [];
	for (const point of points) {
		const last = kept.at(-1);
		if (last === undefined || Math.hypot(point[0] - last[0], point[1] - last[1]) >= 6) {
			kept.push(point);
		}
	}
	return kept.slice(0, 500);
};
