import { effect, signal } from '@preact/signals';
import type { OpenRequest, StudioState } from '../../src/studio/protocol';
import { getStudio, openProject } from './api';
import { Workspace } from './workspace';

export const studio = signal<StudioState | undefined>(undefined);
export const workspace = signal<Workspace | undefined>(undefined);
export const dialog = signal<'export' | 'help' | undefined>(undefined);
/** Why nothing works any more, or what went wrong before a project was open. */
export const failure = signal<string | undefined>(undefined);
export const isOpening = signal(false);

const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
const stored = localStorage.getItem('propagate-theme');
export const theme = signal<Theme>(themes.find((name) => name === stored) ?? 'system');

export const nextTheme = (): void => {
	const at = themes.indexOf(theme.value);
	theme.value = themes[(at + 1) % themes.length] ?? 'system';
};

effect(() => {
	localStorage.setItem('propagate-theme', theme.value);
	document.documentElement.dataset.theme = theme.value;
});

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Begins: with the project that the page's address names, so that a reload comes back to it, else with the command line's clip. */
export const start = async (): Promise<void> => {
	const address = new URL(location.href);
	const project = address.hash.match(/^#([0-9a-f-]{36})$/)?.[1];
	// The token has become a cookie: it need not stand in the history.
	address.searchParams.delete('token');
	history.replaceState(null, '', address);
	try {
		studio.value = await getStudio();
		if (project !== undefined) {
			await openAny({ project });
		} else if (studio.value.first !== undefined) {
			await openAny({ path: studio.value.first });
		}
	} catch (error) {
		failure.value = told(error);
	}
};

export const openAny = async (request: OpenRequest | (() => Promise<OpenRequest>)): Promise<void> => {
	isOpening.value = true;
	failure.value = undefined;
	try {
		const project = await openProject(typeof request === 'function' ? await request() : request);
		workspace.value?.close();
		workspace.value = new Workspace(project);
		history.replaceState(null, '', `#${project.id}`);
		document.title = `${project.name} – Propagate studio`;
	} catch (error) {
		failure.value = told(error);
	} finally {
		isOpening.value = false;
	}
};

/** Back to where projects are opened. The project goes on in other windows, and so does its run. */
export const leaveProject = async (): Promise<void> => {
	workspace.value?.close();
	workspace.value = undefined;
	history.replaceState(null, '', location.pathname);
	document.title = 'Propagate studio';
	studio.value = await getStudio().catch(() => studio.value);
};
