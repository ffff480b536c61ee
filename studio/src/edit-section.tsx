import { FileButton } from './file-button';
import { Icon, IconButton } from './icons';
import type { Workspace } from './workspace';

const motions = [
	{ name: 'dense', label: 'With every bend' },
	{ name: 'planar', label: 'As a flat thing, in perspective' },
	{ name: 'affine', label: 'As a flat thing, without perspective' },
] as const;

/** The picture that is carried through the clip. */
export const EditSection = ({ workspace }: { readonly workspace: Workspace }) => (
	<section>
		<header>
			<h2>Edit</h2>
			{workspace.edit.value !== null && (
				<IconButton
					icon="trash"
					label="Remove the edit"
					class="tiny off"
					onClick={() => workspace.removeEdit()}
				/>
			)}
		</header>
		{workspace.edit.value === null ? <NoEdit workspace={workspace} /> : <LoadedEdit workspace={workspace} />}
	</section>
);

const NoEdit = ({ workspace }: { readonly workspace: Workspace }) => (
	<>
		<p class="faint">
			A sticker, or this frame retouched in another program, is carried with what it lies on.
		</p>
		<PictureChooser workspace={workspace} label="Load a picture…" />
		<a
			class="file small"
			href={workspace.api.framePng(workspace.frame.value)}
			download
			title="This frame as a PNG, for an image editor"
		>
			<Icon name="film" /> Save this frame
		</a>
	</>
);

const PictureChooser = ({ workspace, label }: { readonly workspace: Workspace; readonly label: string }) => (
	<FileButton
		label={label}
		title="A retouched frame of the clip's size, or a sticker with transparency"
		testId="edit-file"
		onFile={(file) => workspace.loadEdit(file)}
	/>
);

const LoadedEdit = ({ workspace }: { readonly workspace: Workspace }) => {
	const edit = workspace.edit.value;
	const { start, end } = workspace.range.value;
	if (edit === null) {
		return null;
	}
	const { frame, kind, name, carriedTo, isCurrent, revision } = edit;
	const isDone = isCurrent && carriedTo >= end;
	const isAtWork = workspace.run.value.state !== 'idle';
	return (
		<>
			<div class="edit-file">
				<img src={workspace.api.editPicture(revision)} alt="" />
				<span>
					<span class="edit-name" title={name}>
						{name}
					</span>
					<span class="faint">
						{kind === 'sticker' ? 'Sticker on frame' : 'Retouched frame'} {frame}
					</span>
				</span>
			</div>
			<div class="row">
				{kind === 'sticker' && (
					<button
						type="button"
						class="small"
						aria-pressed={workspace.tool.value === 'place'}
						title="Move, turn, make larger (K)"
						data-testid="place"
						onClick={() => workspace.choose('place')}
					>
						<Icon name="place" /> Place
					</button>
				)}
				{kind === 'picture' && workspace.frame.value !== frame && (
					<button type="button" class="small" onClick={() => workspace.seek(frame)}>
						To frame {frame}
					</button>
				)}
				<PictureChooser workspace={workspace} label="Another…" />
			</div>
			<label class="field">
				<span class="faint">It moves</span>
				<select
					value={edit.mode}
					aria-label="How the edit moves"
					disabled={isAtWork}
					onChange={(event) => {
						const { value } = event.currentTarget;
						const mode = motions.find((motion) => motion.name === value)?.name;
						if (mode !== undefined) {
							workspace.changeEdit({ mode });
						}
						event.currentTarget.blur();
					}}
				>
					{motions.map((motion) => (
						<option key={motion.name} value={motion.name}>
							{motion.label}
						</option>
					))}
				</select>
			</label>
			<Switch workspace={workspace} name="relight" label="Follows the light" />
			<Switch
				workspace={workspace}
				name="behind"
				label="Behind the objects"
				title="It goes with the background, and the marked objects are in front of it"
			/>
			{frame > start && (
				<p class="faint">It begins at frame {frame}: nothing before it is edited or exported.</p>
			)}
			<div class="row">
				<button
					type="button"
					class={isDone ? '' : 'primary'}
					disabled={isAtWork}
					data-testid="carry"
					title="Carry the edit from its frame to the out point (W)"
					onClick={() => workspace.startRun('edit')}
				>
					Carry the edit
				</button>
				<span class="faint" role="status" data-testid="carried">
					{isDone
						? 'Done'
						: carriedTo > frame
							? isCurrent
								? `${carriedTo - frame} of ${end - frame}`
								: 'Changed since'
							: ''}
				</span>
			</div>
		</>
	);
};

/** Something of the edit that is so or not. */
const Switch = ({
	workspace,
	name,
	label,
	title,
}: {
	readonly workspace: Workspace;
	readonly name: 'relight' | 'behind';
	readonly label: string;
	readonly title?: string;
}) => (
	<label class="check" title={title}>
		<input
			type="checkbox"
			checked={workspace.edit.value?.[name] ?? false}
			disabled={workspace.run.value.state !== 'idle'}
			onChange={(event) => workspace.changeEdit({ [name]: event.currentTarget.checked })}
		/>
		{label}
	</label>
);
