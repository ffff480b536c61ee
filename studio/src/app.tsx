import { dialog, failure, leaveProject, nextTheme, theme, workspace } from './app-state';
import { ExportDialog, HelpDialog } from './dialogs';
import { IconButton } from './icons';
import { OpenView } from './open-view';
import { SidePanel } from './side-panel';
import { Stage } from './stage';
import { Timeline } from './timeline';
import { OptionsBar, Toolbar } from './toolbar';
import type { Workspace } from './workspace';

export const App = () => {
	const open = workspace.value;
	return (
		<>
			<header class="bar">
				<img src={new URL('./icon.svg', import.meta.url).href} alt="" width={22} height={22} />
				<strong class="brand">Propagate studio</strong>
				{open !== undefined && <ProjectBar open={open} />}
				<span class="grow" />
				<IconButton icon="sun" label={`Theme: ${theme.value}`} keys="T" onClick={nextTheme} />
				<IconButton
					icon="help"
					label="Keys"
					keys="?"
					onClick={() => {
						dialog.value = 'help';
					}}
				/>
				{open !== undefined && (
					<button
						type="button"
						class="primary"
						data-testid="export"
						title="Write files for your editor (X)"
						disabled={open.project.value.painted.length === 0 && open.project.value.edit === null}
						onClick={() => {
							dialog.value = 'export';
						}}
					>
						Export
					</button>
				)}
			</header>
			{open === undefined ? <OpenView /> : <Editor key={open.api.id} open={open} />}
			{dialog.value === 'help' && <HelpDialog />}
			{dialog.value === 'export' && open !== undefined && <ExportDialog workspace={open} />}
		</>
	);
};

const ProjectBar = ({ open }: { readonly open: Workspace }) => {
	const { name, width, height, frameRate, folder } = open.project.value;
	return (
		<>
			<button type="button" class="small" onClick={() => void leaveProject()}>
				Open…
			</button>
			<span class="project-name" title={folder}>
				{name}
			</span>
			<span class="faint">
				{width}×{height} · {Number(frameRate.toFixed(2))} fps
			</span>
			<span class="faint saved" role="status" data-testid="saved">
				{open.painting.unsaved.value > 0 ? 'Saving…' : 'Saved'}
			</span>
		</>
	);
};

const Editor = ({ open }: { readonly open: Workspace }) => (
	<main
		class="editor"
		onDragOver={(event) => event.preventDefault()}
		onDrop={(event) => {
			// Else the browser would leave the page for the file.
			event.preventDefault();
			const [file] = event.dataTransfer?.files ?? [];
			if (file?.type.startsWith('image/')) {
				open.loadEdit(file);
			} else if (file !== undefined) {
				open.notice.value = 'A picture dropped here is an edit; another clip is opened by “Open…”, above.';
			}
		}}
	>
		<Toolbar workspace={open} />
		<div class="centre">
			<OptionsBar workspace={open} />
			<Stage workspace={open} />
			<Notices open={open} />
		</div>
		<SidePanel workspace={open} />
		<Timeline workspace={open} />
	</main>
);

const Notices = ({ open }: { readonly open: Workspace }) => (
	<div class="notices" aria-live="polite">
		{!open.isConnected.value && (
			<p class="notice warning">
				The studio on this machine has stopped, or is busy. Start it again with <code>propagate studio</code>:
				nothing that you painted is lost.
			</p>
		)}
		{(open.notice.value ?? failure.value) !== undefined && (
			<p class="notice">
				{open.notice.value ?? failure.value}
				<IconButton
					icon="close"
					label="Close"
					class="tiny"
					onClick={() => {
						open.notice.value = undefined;
						failure.value = undefined;
					}}
				/>
			</p>
		)}
	</div>
);
