import type { ComponentChildren } from 'preact';

const paths = {
	hint: 'M3 14c3-6 5 2 8-3M13.500 3l.9 2.600L17 6.500l-2.600.9-.9 2.600-.9-2.600L10 6.500l2.600-.9zM15.500 13v3M14 14.500h3',
	box: 'M3 7V3.500h3.500M13.500 3.500H17V7M17 13v3.500h-3.500M6.500 16.500H3V13M7.500 10a2.500 2.500 0 105 0 2.500 2.500 0 10-5 0z',
	brush: 'M14 3l3 3-7.500 7.500-3-3zM5.500 11.500l3 3c-.5 2-2.500 3-5.500 2.500 1-1 .5-4.500 2.500-5.500z',
	eraser: 'M11.500 3.500l5 5-7 7h-3l-3-3zM8 7l5 5M6.500 15.500H17',
	lasso:
		'M10 4c4 0 7 1.800 7 4.300S14 12.500 10 12.500 3 10.800 3 8.300 6 4 10 4zM6.500 12c-1.500.7-1.500 2.500 0 2.800s1 2-.5 2.200',
	polygon: 'M4 5l7-2 6 6-4 8-8-2zM4 5v0',
	fill: 'M9 3l7 7-6 6-6.500-6.500zM9 3L7 1.500M3.500 9.500H16M17 13c1 1.500 1.500 2.500.5 3.300s-2-.3-1.600-1.500z',
	hand: 'M6 10V5.500a1.200 1.200 0 012.400 0V9 4a1.200 1.200 0 012.400 0v5-4a1.200 1.200 0 012.400 0v5.500-3a1.200 1.200 0 012.400 0v5c0 3-2 4.500-4.600 4.500-3 0-4-1.500-6.500-5.500-.8-1.300 1-2 1.900-.8z',
	place: 'M10 2.500l2.200 4.600 5 .7-3.600 3.500.9 5-4.500-2.400-4.500 2.400.9-5-3.600-3.500 5-.7z',
	undo: 'M7 4L3 8l4 4M3 8h8.500a4 4 0 010 8H8',
	redo: 'M13 4l4 4-4 4M17 8H8.500a4 4 0 000 8H12',
	play: 'M6 4l10 6-10 6z',
	pause: 'M6 4v12M14 4v12',
	stepBack: 'M14 4l-8 6 8 6zM5 4v12',
	stepOn: 'M6 4l8 6-8 6zM15 4v12',
	first: 'M16 4l-7 6 7 6zM9 4l-6 6 6 6z',
	fit: 'M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4',
	eye: 'M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.800a2.200 2.200 0 100 4.400 2.200 2.200 0 000-4.400z',
	eyeOff:
		'M3 3l14 14M4.500 7C3 8.300 2 10 2 10s3 5 8 5c1.200 0 2.300-.3 3.300-.7M8 5.200A8 8 0 0110 5c5 0 8 5 8 5s-.7 1.200-2 2.400',
	lock: 'M5 9h10v7H5zM7 9V6.500a3 3 0 016 0V9',
	unlock: 'M5 9h10v7H5zM7 9V6.500a3 3 0 015.600-1.500',
	plus: 'M10 4v12M4 10h12',
	trash: 'M4 6h12M8 6V4h4v2M6 6l.7 11h6.600L14 6M8.500 9v5M11.500 9v5',
	help: 'M7.500 7.500a2.500 2.500 0 113.600 2.200c-.8.4-1.100.8-1.100 1.800M10 14.500v.5',
	sun: 'M10 6.500a3.500 3.500 0 100 7 3.500 3.500 0 000-7zM10 2v2M10 16v2M2 10h2M16 10h2M4.500 4.500l1.400 1.400M14.100 14.100l1.400 1.400M4.500 15.500l1.400-1.400M14.100 5.900l1.400-1.400',
	close: 'M5 5l10 10M15 5L5 15',
	dip: 'M3 6c3 0 4 8 7 8s4-8 7-8',
	film: 'M3 4h14v12H3zM6.500 4v12M13.500 4v12M3 8h3.500M3 12h3.500M13.500 8H17M13.500 12H17',
	folder: 'M2.500 5h5l1.500 2h8.500v9h-15z',
	key: 'M10 4l6 6-6 6-6-6z',
	compare: 'M10 3v14M3 5h5v10H3M12 5h5v10h-5',
	copy: 'M7 7h9v9H7zM4 13V4h9',
	done: 'M4 10.500l4 4 8-9',
	stop: 'M5 5h10v10H5z',
} as const;

export type IconName = keyof typeof paths;

const filled: ReadonlySet<IconName> = new Set(['play', 'stepBack', 'stepOn', 'first', 'key', 'stop']);

export const Icon = ({ name }: { readonly name: IconName }) => (
	<svg
		class={filled.has(name) ? 'icon filled' : 'icon'}
		viewBox="0 0 20 20"
		aria-hidden="true"
		focusable="false"
	>
		<path d={paths[name]} />
	</svg>
);

/** A button that is nothing but a picture, with a name for who points at it and who can't see it. */
export const IconButton = (props: {
	readonly icon: IconName;
	readonly label: string;
	/** As it is shown in the tip. */
	readonly keys?: string;
	readonly onClick: () => void;
	readonly disabled?: boolean;
	readonly pressed?: boolean;
	readonly class?: string;
	readonly children?: ComponentChildren;
}) => (
	<button
		type="button"
		class={`icon-button ${props.class ?? ''}`}
		title={props.keys === undefined ? props.label : `${props.label} (${props.keys})`}
		aria-label={props.label}
		aria-pressed={props.pressed}
		disabled={props.disabled === true}
		onClick={props.onClick}
	>
		<Icon name={props.icon} />
		{props.children}
	</button>
);
