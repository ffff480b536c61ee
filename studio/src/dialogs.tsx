import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ExportRequest } from '../../src/studio/protocol';
import { dialog, studio } from './app-state';
import { Icon, IconButton } from './icons';
import { shortcuts } from './shortcuts';
import type { Workspace } from './workspace';

const Dialog = ({
	title,
	children,
	wide,
}: {
	readonly title: string;
	readonly children: ComponentChildren;
	readonly wide?: boolean;
}) => {
	const element = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		element.current?.showModal();
	}, []);
	return (
		<dialog
			ref={element}
			class={wide === true ? 'wide' : ''}
			aria-label={title}
			onClose={() => {
				dialog.value = undefined;
			}}
		>
			<header>
				<h1>{title}</h1>
				<IconButton icon="close" label="Close" onClick={() => element.current?.close()} />
			</header>
			{children}
		</dialog>
	);
};

const keyNames: Readonly<Record<string, string>> = {
	' ': 'Space',
	arrowright: '→',
	arrowleft: '←',
};

const isMac = navigator.platform.startsWith('Mac');
const keyName = (keys: string): string =>
	keys
		.split(/\+(?=.)/)
		.map((key) =>
			key === 'Ctrl' && isMac
				? '⌘'
				: (keyNames[key.toLowerCase()] ?? (key.length === 1 ? key.toUpperCase() : key)),
		)
		.join(' + ');

/** All keys. */
export const HelpDialog = () => (
	<Dialog title="Keys" wide>
		<div class="keys">
			{['Tools', 'Time', 'View', 'Project'].map((group) => (
				<section key={group}>
					<h2>{group}</h2>
					<dl>
						{shortcuts
							.filter((shortcut) => shortcut.group === group)
							.map(({ keys, label }) => (
								<div key={label}>
									<dt>
										{keys.map((key) => (
											<kbd key={key}>{keyName(key)}</kbd>
										))}
									</dt>
									<dd>{label}</dd>
								</div>
							))}
						{group === 'Project' && (
							<div>
								<dt>
									<kbd>1</kbd> … <kbd>9</kbd>
								</dt>
								<dd>Paint that object</dd>
							</div>
						)}
						{group === 'View' && (
							<div>
								<dt>wheel</dt>
								<dd>Zoom; with the middle button, move</dd>
							</div>
						)}
					</dl>
				</section>
			))}
		</div>
	</Dialog>
);

/** What shows the object itself may show it with the edit in it. */
const mayHaveEdit = ({ editor, format }: { readonly editor?: string; readonly format?: string }): boolean =>
	editor !== undefined || /^(alpha|overlay)/.test(format ?? '');

/** What the masks become. */
export const ExportDialog = ({ workspace }: { readonly workspace: Workspace }) => {
	const choice = useSignal<{ readonly editor?: string; readonly format?: string }>({
		format: workspace.display.value === 'edited' || workspace.painted.value.size === 0 ? 'edit.mp4' : 'png',
	});
	const withEdit = useSignal(false);
	const output = useSignal('');
	const overwrite = useSignal(false);
	const command = useSignal('');
	const problem = useSignal<string | undefined>(undefined);
	const isCopied = useSignal(false);
	const { value: state } = studio;
	const exporting = workspace.exporting.value;

	const request = (): ExportRequest => ({
		...choice.value,
		overwrite: overwrite.value,
		edit: withEdit.value && mayHaveEdit(choice.value),
		...(output.value.trim() === '' ? {} : { output: output.value.trim() }),
	});
	useSignalEffect(() => {
		const asked = request();
		// What was exported takes a name away.
		workspace.exporting.value.state;
		const timer = setTimeout(() => {
			workspace.api.exportCommand(asked).then(
				(told) => {
					command.value = told.command;
					problem.value = undefined;
				},
				(error: unknown) => {
					problem.value = error instanceof Error ? error.message : String(error);
				},
			);
		}, 100);
		return () => clearTimeout(timer);
	});

	const editor = state?.editors.find(({ name }) => name === choice.value.editor);
	const hasEdit = workspace.project.value.edit !== null;
	const isOfEdit = ({ name }: { readonly name: string }): boolean => name.startsWith('edit');
	const formats = [
		...(hasEdit ? (state?.formats ?? []).filter(isOfEdit) : []),
		...(state?.formats ?? []).filter((format) => !isOfEdit(format)),
	];
	const isRunning = exporting.state === 'running';
	return (
		<Dialog title="Export" wide>
			<div class="export">
				<div class="export-choices" role="radiogroup" aria-label="What to write">
					<h2>For an editor</h2>
					<div class="tiles">
						{state?.editors.map(({ name, program, format }) => (
							<label key={name} class={choice.value.editor === name ? 'tile chosen' : 'tile'}>
								<input
									type="radio"
									name="what"
									class="visually-hidden"
									checked={choice.value.editor === name}
									onChange={() => {
										choice.value = { editor: name };
									}}
								/>
								<strong>{program}</strong>
								<span class="faint">{format}</span>
							</label>
						))}
					</div>
					<h2>As files</h2>
					<ul class="formats">
						{formats.map(({ name, about }) => (
							<li key={name}>
								<label class={choice.value.format === name ? 'format chosen' : 'format'}>
									<input
										type="radio"
										name="what"
										class="visually-hidden"
										checked={choice.value.format === name}
										data-testid={`format-${name}`}
										onChange={() => {
											choice.value = { format: name };
										}}
									/>
									<strong>{name}</strong>
									<span class="faint">{about}</span>
								</label>
							</li>
						))}
					</ul>
				</div>
				<div class="export-how">
					{editor !== undefined && (
						<p>
							<strong>{editor.program}.</strong> {editor.howToOpen} {editor.colour}
						</p>
					)}
					<label class="field">
						Where
						<input
							type="text"
							value={output.value}
							placeholder={`${workspace.project.value.folder}/exports`}
							spellcheck={false}
							data-testid="output"
							onInput={(event) => {
								output.value = event.currentTarget.value;
							}}
						/>
						<span class="faint">Empty: a free name in the project's folder “exports”.</span>
					</label>
					<label class="check">
						<input
							type="checkbox"
							checked={overwrite.value}
							onChange={(event) => {
								overwrite.value = event.currentTarget.checked;
							}}
						/>
						Replace what is there
					</label>
					{hasEdit && mayHaveEdit(choice.value) && (
						<label class="check">
							<input
								type="checkbox"
								checked={withEdit.value}
								data-testid="with-edit"
								onChange={(event) => {
									withEdit.value = event.currentTarget.checked;
								}}
							/>
							With the edit in the picture
						</label>
					)}
					<div class="field">
						<span>The same in a terminal</span>
						<div class="command">
							<code data-testid="command">{command.value}</code>
							<IconButton
								icon={isCopied.value ? 'done' : 'copy'}
								label="Copy"
								onClick={() => {
									void navigator.clipboard.writeText(command.value).then(() => {
										isCopied.value = true;
										setTimeout(() => {
											isCopied.value = false;
										}, 1500);
									});
								}}
							/>
						</div>
					</div>
					{problem.value !== undefined && <p class="error">{problem.value}</p>}
					<div class="row">
						{isRunning ? (
							<button type="button" onClick={() => workspace.attempt(() => workspace.api.cancelExport())}>
								Cancel
							</button>
						) : (
							<button
								type="button"
								class="primary"
								data-testid="export-start"
								disabled={problem.value !== undefined}
								onClick={() =>
									workspace.attempt(async () => {
										workspace.exporting.value = await workspace.api.export(request());
									})
								}
							>
								Export
							</button>
						)}
						{isRunning && (
							<progress
								value={exporting.done}
								max={Math.max(1, exporting.total)}
								aria-label="Frames written"
							/>
						)}
					</div>
					<div role="status" data-testid="export-state">
						{exporting.state === 'done' && (
							<div class="done">
								<p>
									<Icon name="done" /> Written:
								</p>
								<ul>
									{exporting.outputs.map((path) => (
										<li key={path}>
											<code>{path}</code>
										</li>
									))}
								</ul>
								<button
									type="button"
									class="small"
									onClick={() => workspace.attempt(() => workspace.api.showExport())}
								>
									<Icon name="folder" /> Show in folder
								</button>
							</div>
						)}
						{exporting.state === 'cancelled' && <p>Cancelled.</p>}
						{exporting.state === 'failed' && <p class="error">{exporting.failure}</p>}
					</div>
				</div>
			</div>
		</Dialog>
	);
};
