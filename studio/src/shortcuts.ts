import { dialog, nextTheme, workspace } from './app-state';
import type { Workspace } from './workspace';

export type Shortcut = {
	readonly group: string;
	/** As `KeyboardEvent.key`, with `Ctrl+` (⌘ on a Mac) and `Shift+` before it. */
	readonly keys: readonly string[];
	readonly label: string;
	readonly action: (workspace: Workspace) => void;
};

const resized = (size: number, factor: number): number =>
	Math.max(1, Math.min(400, factor > 1 ? Math.ceil(size * factor) : Math.floor(size * factor)));

const tools = [
	['s', 'Strokes on the object', 'hint'],
	['m', 'Box around the object', 'box'],
	['b', 'Brush', 'brush'],
	['e', 'Eraser', 'eraser'],
	['l', 'Lasso', 'lasso'],
	['p', 'Polygon', 'polygon'],
	['g', 'Fill', 'fill'],
	['h', 'Move the picture', 'hand'],
	['k', 'Place the sticker', 'place'],
] as const;

/** All that keys do; the page under `?` is made from it. */
export const shortcuts: readonly Shortcut[] = [
	...tools.map(
		([key, label, tool]): Shortcut => ({
			...{ group: 'Tools', keys: [key], label },
			action: (open) => open.choose(tool),
		}),
	),
	{
		group: 'Tools',
		keys: ['['],
		label: 'Smaller brush',
		action: ({ brush }) => {
			brush.value = resized(brush.value, 0.8);
		},
	},
	{
		group: 'Tools',
		keys: [']'],
		label: 'Larger brush',
		action: ({ brush }) => {
			brush.value = resized(brush.value, 1.25);
		},
	},
	{ group: 'Tools', keys: ['Ctrl+z'], label: 'Undo', action: (open) => open.undo() },
	{ group: 'Tools', keys: ['Ctrl+Shift+z', 'Ctrl+y'], label: 'Redo', action: (open) => open.redo() },
	{ group: 'Time', keys: [' '], label: 'Play, stop', action: (open) => open.play() },
	{
		group: 'Time',
		keys: ['ArrowRight'],
		label: 'Next frame',
		action: (open) => open.seek(open.frame.value + 1),
	},
	{
		group: 'Time',
		keys: ['ArrowLeft'],
		label: 'Previous frame',
		action: (open) => open.seek(open.frame.value - 1),
	},
	{
		group: 'Time',
		keys: ['Shift+ArrowRight'],
		label: 'Ten frames on',
		action: (open) => open.seek(open.frame.value + 10),
	},
	{
		group: 'Time',
		keys: ['Shift+ArrowLeft'],
		label: 'Ten frames back',
		action: (open) => open.seek(open.frame.value - 10),
	},
	{
		group: 'Time',
		keys: ['Home'],
		label: 'First frame',
		action: (open) => open.seek(open.range.value.start),
	},
	{
		group: 'Time',
		keys: ['End'],
		label: 'Last frame',
		action: (open) => open.seek(open.range.value.end - 1),
	},
	{ group: 'Time', keys: ['.'], label: 'Next painted frame', action: (open) => open.nextPainted(1) },
	{ group: 'Time', keys: [','], label: 'Previous painted frame', action: (open) => open.nextPainted(-1) },
	{ group: 'Time', keys: ['d'], label: 'Next frame to look at', action: (open) => open.nextDip() },
	{
		group: 'Time',
		keys: ['i'],
		label: 'In point here',
		action: (open) => open.setIn(),
	},
	{
		group: 'Time',
		keys: ['o'],
		label: 'Out point behind this frame',
		action: (open) => open.setOut(),
	},
	{
		group: 'Time',
		keys: ['Shift+X'],
		label: 'No in and out points',
		action: (open) => open.set({ start: null, end: null }),
	},
	{
		group: 'View',
		keys: ['v'],
		label: 'Next way to show masks',
		action: ({ display, displays: { value: all } }) => {
			display.value = all[(all.indexOf(display.value) + 1) % all.length] ?? 'overlay';
		},
	},
	{
		group: 'View',
		keys: ['c'],
		label: 'Before and after painting',
		action: (open) => open.attempt(() => open.toggleBefore()),
	},
	{
		group: 'View',
		keys: ['+', '='],
		label: 'Zoom in',
		action: ({ zoomRequest }) => {
			zoomRequest.value = 'in';
		},
	},
	{
		group: 'View',
		keys: ['-'],
		label: 'Zoom out',
		action: ({ zoomRequest }) => {
			zoomRequest.value = 'out';
		},
	},
	{
		group: 'View',
		keys: ['0', 'f'],
		label: 'All of the picture',
		action: ({ zoomRequest }) => {
			zoomRequest.value = 'fit';
		},
	},
	{ group: 'View', keys: ['t'], label: 'Light, dark, as the system', action: nextTheme },
	{ group: 'Project', keys: ['r'], label: 'Find the masks, go on', action: (open) => open.startRun() },
	{
		group: 'Project',
		keys: ['w'],
		label: 'Carry the edit',
		action: (open) => {
			if (open.edit.value !== null) {
				open.startRun('edit');
			}
		},
	},
	{ group: 'Project', keys: ['n'], label: 'New object', action: (open) => open.addObject() },
	{
		group: 'Project',
		keys: ['x'],
		label: 'Export',
		action: () => {
			dialog.value = 'export';
		},
	},
	{
		group: 'Project',
		keys: ['?'],
		label: 'These keys',
		action: () => {
			dialog.value = 'help';
		},
	},
];

const table = new Map(
	shortcuts.flatMap((shortcut) => shortcut.keys.map((keys) => [keys.toLowerCase(), shortcut])),
);

const pressed = (event: KeyboardEvent): string => {
	const { key } = event;
	// A shifted sign is a sign of its own; letters and arrows are told apart by shift.
	const isSign = key.length === 1 && key.toLowerCase() === key.toUpperCase() && key !== ' ';
	return `${event.ctrlKey || event.metaKey ? 'ctrl+' : ''}${event.shiftKey && !isSign ? 'shift+' : ''}${key.toLowerCase()}`;
};

/** Keys that an element needs itself. */
const isTyping = (target: EventTarget | null, key: string): boolean =>
	target instanceof HTMLElement &&
	(target.matches('input:not([type=range]):not([type=checkbox]):not([type=color]), textarea, select') ||
		(target.matches('button, a, summary') && (key === ' ' || key === 'Enter')) ||
		(target.matches('input[type=range], [role=slider]') && key.startsWith('Arrow')));

export const listenToKeys = (): void => {
	window.addEventListener('keydown', (event) => {
		const open = workspace.value;
		if (
			open === undefined ||
			dialog.value !== undefined ||
			event.altKey ||
			isTyping(event.target, event.key)
		) {
			return;
		}
		const shortcut = table.get(pressed(event));
		if (shortcut !== undefined) {
			event.preventDefault();
			shortcut.action(open);
		} else if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
			const object = open.project.value.objects[Number(event.key) - 1];
			if (object !== undefined) {
				open.object.value = object.id;
			}
		}
	});
};
