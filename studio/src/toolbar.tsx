import { Icon, IconButton, type IconName } from './icons';
import type { Display } from './overlay';
import type { Tool, Workspace } from './workspace';

const toolNames: Readonly<
	Record<Tool, { readonly label: string; readonly keys: string; readonly icon: IconName }>
> = {
	hint: { label: 'Strokes', keys: 'S', icon: 'hint' },
	box: { label: 'Box', keys: 'M', icon: 'box' },
	brush: { label: 'Brush', keys: 'B', icon: 'brush' },
	eraser: { label: 'Eraser', keys: 'E', icon: 'eraser' },
	lasso: { label: 'Lasso', keys: 'L', icon: 'lasso' },
	polygon: { label: 'Polygon', keys: 'P', icon: 'polygon' },
	fill: { label: 'Fill', keys: 'G', icon: 'fill' },
	hand: { label: 'Move the picture', keys: 'H', icon: 'hand' },
	place: { label: 'Place the sticker', keys: 'K', icon: 'place' },
};

const hints: Readonly<Record<Tool, string>> = {
	hint: 'Draw a stroke on the object; with Alt, on what is not.',
	box: 'Drag a box around the object.',
	brush: 'Paint over the object. Alt erases.',
	eraser: 'Wipe away what is too much.',
	lasso: 'Draw around the object. Alt takes away.',
	polygon: 'Click the corners; Enter closes. Alt takes away.',
	fill: 'Click into a hole to fill it. Alt takes a piece away.',
	hand: 'Drag the picture; the wheel zooms.',
	place: 'Drag the sticker; a corner makes it larger, the round handle turns it (Shift: in steps).',
};

const displayNames: Readonly<Record<Display, string>> = {
	overlay: 'Colour',
	outline: 'Outline',
	checkerboard: 'Checkerboard',
	green: 'Green',
	matte: 'Matte',
	picture: 'No mask',
	edited: 'Edited',
};

/** The tools, at the left of the picture. */
export const Toolbar = ({ workspace }: { readonly workspace: Workspace }) => {
	workspace.painting.version.value;
	const shownTools = (Object.keys(toolNames) as Tool[]).filter(
		(tool) => tool !== 'place' || workspace.edit.value?.kind === 'sticker',
	);
	return (
		<div class="toolbar" role="toolbar" aria-label="Tools" aria-orientation="vertical">
			{shownTools.map((tool) => (
				<IconButton
					key={tool}
					{...toolNames[tool]}
					pressed={workspace.tool.value === tool}
					onClick={() => workspace.choose(tool)}
				/>
			))}
			<hr />
			<IconButton
				icon="undo"
				label="Undo"
				keys="Ctrl+Z"
				disabled={!workspace.painting.canUndo}
				onClick={() => workspace.undo()}
			/>
			<IconButton
				icon="redo"
				label="Redo"
				keys="Ctrl+Shift+Z"
				disabled={!workspace.painting.canRedo}
				onClick={() => workspace.redo()}
			/>
		</div>
	);
};

/** What can be set of the tool, and how masks are shown, above the picture. */
export const OptionsBar = ({ workspace }: { readonly workspace: Workspace }) => {
	const { brush, display, opacity, zoom, zoomRequest } = workspace;
	const tool = workspace.tool.value;
	return (
		<div class="options">
			{(tool === 'brush' || tool === 'eraser') && (
				<label class="slider">
					Size
					<input
						type="range"
						min={1}
						max={200}
						value={brush.value}
						aria-label="Size of the brush in pixels"
						onInput={(event) => {
							brush.value = Number(event.currentTarget.value);
						}}
					/>
					<output>{brush.value}</output>
				</label>
			)}
			{workspace.isMarking.value && (
				<span class="faint" role="status" data-testid="marking">
					Looking…
				</span>
			)}
			<span class="hint" title={hints[tool]}>
				{hints[tool]}
			</span>
			<span class="grow" />
			<label class="select">
				<span class="faint">Show</span>
				<select
					value={display.value}
					aria-label="How masks are shown"
					data-testid="display"
					onChange={(event) => {
						display.value =
							workspace.displays.value.find((name) => name === event.currentTarget.value) ?? 'overlay';
						event.currentTarget.blur();
					}}
				>
					{workspace.displays.value.map((name) => (
						<option key={name} value={name}>
							{displayNames[name]}
						</option>
					))}
				</select>
			</label>
			{display.value === 'overlay' && (
				<label class="slider">
					<input
						type="range"
						min={0}
						max={1}
						step={0.05}
						value={opacity.value}
						aria-label="Opacity of masks"
						title="Opacity of masks"
						onInput={(event) => {
							opacity.value = Number(event.currentTarget.value);
						}}
					/>
				</label>
			)}
			<button
				type="button"
				class="small quiet zoom"
				title="All of the picture (0)"
				onClick={() => {
					zoomRequest.value = 'fit';
				}}
			>
				<Icon name="fit" /> {Math.round(zoom.value * 100)} %
			</button>
		</div>
	);
};
