import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { IconButton } from './icons';
import type { Workspace } from './workspace';

/** Height of the strip that shows confidence, in pixels. */
const STRIP = 40;

const colourOf = (confidence: number): string => {
	// From red by amber to green; half is as bad as it gets in what people accept.
	const hue = Math.max(0, Math.min(1, (confidence - 0.5) / 0.45)) * 140 + 5;
	return `hsl(${hue} 62% 48%)`;
};

export const timeOf = (frame: number, rate: number): string => {
	const seconds = frame / rate;
	const minutes = Math.floor(seconds / 60);
	return `${minutes}:${(seconds - minutes * 60).toFixed(2).padStart(5, '0')}`;
};

/** Transport, and the strip under it: where the clip is done, how far its masks can be trusted, which frames are painted. */
export const Timeline = ({ workspace }: { readonly workspace: Workspace }) => {
	const track = useRef<HTMLDivElement>(null);
	const strip = useRef<HTMLCanvasElement>(null);
	const width = useSignal(800);
	const hover = useSignal<number | undefined>(undefined);
	const total = workspace.total.value;
	const { start, end } = workspace.range.value;
	const { frameRate, frames } = workspace.project.value;
	const frame = workspace.frame.value;

	useEffect(() => {
		const observer = new ResizeObserver(([entry]) => {
			width.value = entry?.contentRect.width ?? 800;
		});
		if (track.current !== null) {
			observer.observe(track.current);
		}
		return () => observer.disconnect();
	}, []);

	useSignalEffect(() => {
		workspace.marks.value;
		workspace.project.value;
		drawStrip(strip.current, workspace, width.value);
	});

	const frameAt = (event: MouseEvent): number => {
		const box = (track.current as HTMLDivElement).getBoundingClientRect();
		return Math.max(0, Math.min(total - 1, Math.floor(((event.clientX - box.left) / box.width) * total)));
	};
	const placeOf = (at: number): string => `${((at + 0.5) / total) * 100}%`;

	const onKey = (event: KeyboardEvent): void => {
		const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[
			event.key
		];
		if (step !== undefined) {
			event.preventDefault();
			event.stopPropagation();
			workspace.seek(frame + step * (event.shiftKey ? 10 : 1));
		}
	};

	const hovered = hover.value;
	const confidence = hovered === undefined ? undefined : workspace.confidence.get(hovered);
	return (
		<section class="timeline" aria-label="Timeline">
			<div class="transport">
				<IconButton icon="first" label="First frame" keys="Home" onClick={() => workspace.seek(start)} />
				<IconButton
					icon="stepBack"
					label="Previous frame"
					keys="←"
					onClick={() => workspace.seek(frame - 1)}
				/>
				<IconButton
					icon={workspace.isPlaying.value ? 'pause' : 'play'}
					label={workspace.isPlaying.value ? 'Stop' : 'Play'}
					keys="space"
					class="play"
					onClick={() => workspace.play()}
				/>
				<IconButton icon="stepOn" label="Next frame" keys="→" onClick={() => workspace.seek(frame + 1)} />
				<span class="clock" data-testid="clock">
					<strong>{frame}</strong> / {total - 1}
					<span class="faint">{timeOf(frame, frameRate)}</span>
				</span>
				<span class="separator" />
				<button type="button" class="small" title="In point here (I)" onClick={() => workspace.setIn()}>
					In
				</button>
				<button
					type="button"
					class="small"
					title="Out point behind this frame (O)"
					onClick={() => workspace.setOut()}
				>
					Out
				</button>
				{(start > 0 || end < total) && (
					<button
						type="button"
						class="small quiet"
						title="Use all of the clip (Shift+X)"
						onClick={() => workspace.set({ start: null, end: null })}
					>
						All
					</button>
				)}
				<span class="separator" />
				<IconButton icon="dip" label="Next frame to look at" keys="D" onClick={() => workspace.nextDip()} />
				<span class="grow" />
				<RunControls workspace={workspace} />
			</div>
			<div
				ref={track}
				class="track"
				role="slider"
				tabIndex={0}
				aria-label="Frame"
				aria-valuemin={0}
				aria-valuemax={total - 1}
				aria-valuenow={frame}
				aria-valuetext={`Frame ${frame}, ${timeOf(frame, frameRate)}`}
				data-testid="track"
				onKeyDown={onKey}
				onPointerDown={(event) => {
					track.current?.setPointerCapture(event.pointerId);
					workspace.seek(frameAt(event));
				}}
				onPointerMove={(event) => {
					hover.value = frameAt(event);
					if (event.buttons === 1) {
						workspace.seek(frameAt(event));
					}
				}}
				onPointerLeave={() => {
					hover.value = undefined;
				}}
			>
				<canvas ref={strip} class="strip" height={STRIP} />
				{start > 0 && <div class="outside" style={{ left: 0, width: `${(start / total) * 100}%` }} />}
				{end < total && <div class="outside" style={{ left: `${(end / total) * 100}%`, right: 0 }} />}
				{workspace.project.value.painted.map((painted) => (
					<button
						key={painted.frame}
						type="button"
						class="painted-mark"
						style={{ left: placeOf(painted.frame) }}
						title={`Painted: frame ${painted.frame}`}
						aria-label={`Painted frame ${painted.frame}`}
						onPointerDown={(event) => event.stopPropagation()}
						onClick={() => workspace.seek(painted.frame)}
					/>
				))}
				<div class="playhead" style={{ left: placeOf(frame) }} />
				{hovered !== undefined && (
					<div class="hover" style={{ left: placeOf(hovered) }}>
						<span class={hovered > total / 2 ? 'to-left' : ''}>
							{hovered}
							{workspace.painted.value.has(hovered)
								? ' · painted'
								: confidence === undefined
									? ' · not done'
									: ` · ${Math.round(confidence * 100)} %`}
						</span>
					</div>
				)}
			</div>
			{!frames.complete && frames.failure === undefined && (
				<p class="faint reading" role="status">
					Reading the clip: {frames.ready} of about {frames.total} frames
				</p>
			)}
			{frames.failure !== undefined && <p class="error">{frames.failure}</p>}
		</section>
	);
};

const drawStrip = (canvas: HTMLCanvasElement | null, workspace: Workspace, width: number): void => {
	const context = canvas?.getContext('2d');
	if (canvas === null || !context) {
		return;
	}
	const ratio = window.devicePixelRatio;
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(STRIP * ratio);
	context.scale(ratio, ratio);
	context.clearRect(0, 0, width, STRIP);
	const total = workspace.total.value;
	const { confidence } = workspace;
	const painted = workspace.painted.value;
	const { outdated } = workspace.project.value;
	const isOutdated = (frame: number): boolean => outdated.some(([from, to]) => frame >= from && frame < to);
	// One bar for each frame, or for each column where there are more frames than those: it shows the worst of them.
	const bars = Math.min(total, Math.max(1, Math.floor(width)));
	for (let bar = 0; bar < bars; bar++) {
		const from = Math.floor((bar * total) / bars);
		const to = Math.max(from + 1, Math.floor(((bar + 1) * total) / bars));
		let worst: number | undefined;
		let old = false;
		for (let frame = from; frame < to; frame++) {
			const value = painted.has(frame) ? 1 : confidence.get(frame);
			if (value !== undefined) {
				worst = Math.min(worst ?? 1, value);
				old ||= isOutdated(frame) && !painted.has(frame);
			}
		}
		if (worst === undefined) {
			continue;
		}
		const [left, right] = [(bar * width) / bars, ((bar + 1) * width) / bars];
		const height = Math.max(4, (STRIP - 8) * Math.max(0.08, (worst - 0.4) / 0.6));
		context.globalAlpha = old ? 0.3 : 1;
		context.fillStyle = colourOf(worst);
		context.fillRect(left, STRIP - height, Math.max(0.75, right - left - (right - left > 4 ? 1 : 0)), height);
	}
	context.globalAlpha = 1;
	const { edit } = workspace.project.value;
	if (edit !== null && edit.carriedTo > edit.frame) {
		context.globalAlpha = edit.isCurrent ? 1 : 0.35;
		context.fillStyle = getComputedStyle(canvas).getPropertyValue('--accent');
		context.fillRect((edit.frame / total) * width, 0, ((edit.carriedTo - edit.frame) / total) * width, 3);
		context.globalAlpha = 1;
	}
};

/** What is left to be found, and the button for it. */
const RunControls = ({ workspace }: { readonly workspace: Workspace }) => {
	const run = workspace.run.value;
	const { start, end } = workspace.range.value;
	workspace.marks.value;
	const { outdated, painted } = workspace.project.value;
	let left = 0;
	for (let frame = start; frame < end; frame++) {
		const isOld = outdated.some(([from, to]) => frame >= from && frame < to);
		left += workspace.painted.value.has(frame) || (workspace.confidence.has(frame) && !isOld) ? 0 : 1;
	}
	const isEdit = run.what === 'edit';
	const length = end - (isEdit ? (workspace.edit.value?.frame ?? start) : start);
	const share = run.state === 'idle' ? 0 : run.done / Math.max(1, length);
	if (run.state === 'idle') {
		return (
			<>
				<span class="faint" data-testid="left">
					{painted.length === 0
						? 'Mark the object on a frame'
						: left === 0
							? 'All frames are done'
							: `${left} of ${length} frames to do`}
				</span>
				<button
					type="button"
					class={left === 0 ? '' : 'primary'}
					disabled={painted.length === 0}
					title="Carry what is painted through the clip (R)"
					data-testid="run"
					onClick={() => workspace.startRun()}
				>
					Find masks
				</button>
			</>
		);
	}
	return (
		<>
			<span class="faint" role="status">
				{run.state === 'starting'
					? 'Starting…'
					: `${isEdit ? 'Edit: ' : ''}${Math.min(run.done, length)} of ${length}`}
				{run.state === 'paused' ? ' · paused' : ''}
			</span>
			<progress class="run-progress" value={share} max={1} aria-label="Frames done" />
			{run.state === 'paused' ? (
				<button type="button" class="primary" data-testid="resume" onClick={() => workspace.startRun()}>
					Go on
				</button>
			) : (
				<button type="button" data-testid="pause" onClick={() => workspace.pauseRun()}>
					Pause
				</button>
			)}
			<button type="button" data-testid="cancel" onClick={() => workspace.cancelRun()}>
				Cancel
			</button>
		</>
	);
};
