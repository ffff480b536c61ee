import type { MarkedObject } from '../../src/studio/protocol';
import { EditSection } from './edit-section';
import { FileButton } from './file-button';
import { Icon, IconButton } from './icons';
import type { Workspace } from './workspace';

const toggled = (set: ReadonlySet<number>, id: number): ReadonlySet<number> => {
	const next = new Set(set);
	if (!next.delete(id)) {
		next.add(id);
	}
	return next;
};

/** What is marked, and what there is to say of the frame. */
export const SidePanel = ({ workspace }: { readonly workspace: Workspace }) => (
	<aside class="side" aria-label="Objects and frame">
		<section>
			<header>
				<h2>Objects</h2>
				<IconButton icon="plus" label="New object" keys="N" onClick={() => workspace.addObject()} />
			</header>
			<ul class="objects">
				{workspace.project.value.objects.map((object, at) => (
					<ObjectRow key={object.id} workspace={workspace} object={object} number={at + 1} />
				))}
			</ul>
		</section>
		<FrameSection workspace={workspace} />
		<EditSection workspace={workspace} />
		<QualitySection workspace={workspace} />
	</aside>
);

const ObjectRow = ({
	workspace,
	object,
	number,
}: {
	readonly workspace: Workspace;
	readonly object: MarkedObject;
	readonly number: number;
}) => {
	const { hidden, locked } = workspace;
	const { objects } = workspace.project.value;
	const isChosen = workspace.object.value === object.id;
	const change = (changes: Partial<MarkedObject>): void =>
		workspace.set({
			objects: objects.map((other) => (other.id === object.id ? { ...other, ...changes } : other)),
		});
	return (
		<li class={isChosen ? 'object chosen' : 'object'}>
			<input
				type="color"
				value={object.colour}
				title="Colour"
				aria-label={`Colour of ${object.name}`}
				onChange={(event) => change({ colour: event.currentTarget.value })}
			/>
			<button
				type="button"
				class="choose"
				aria-pressed={isChosen}
				title={number < 10 ? `Paint this object (${number})` : 'Paint this object'}
				onClick={() => {
					workspace.object.value = object.id;
				}}
			>
				<span class="visually-hidden">Paint {object.name}</span>
			</button>
			<input
				type="text"
				class="name"
				value={object.name}
				maxLength={80}
				aria-label="Name of the object"
				onFocus={() => {
					workspace.object.value = object.id;
				}}
				onKeyDown={(event) => {
					if (event.key === 'Enter') {
						event.currentTarget.blur();
					}
				}}
				onChange={(event) => {
					const name = event.currentTarget.value.trim();
					if (name === '') {
						event.currentTarget.value = object.name;
					} else {
						change({ name });
					}
				}}
			/>
			<IconButton
				icon={hidden.value.has(object.id) ? 'eyeOff' : 'eye'}
				label={`${hidden.value.has(object.id) ? 'Show' : 'Hide'} ${object.name}`}
				class="tiny"
				onClick={() => {
					hidden.value = toggled(hidden.value, object.id);
				}}
			/>
			<IconButton
				icon={locked.value.has(object.id) ? 'lock' : 'unlock'}
				label={`${locked.value.has(object.id) ? 'Unlock' : 'Lock'} ${object.name}: no tool changes what is locked`}
				class={locked.value.has(object.id) ? 'tiny' : 'tiny off'}
				onClick={() => {
					locked.value = toggled(locked.value, object.id);
				}}
			/>
			{objects.length > 1 && (
				<IconButton
					icon="trash"
					label={`Remove ${object.name}`}
					class="tiny off"
					onClick={() => workspace.set({ objects: objects.filter(({ id }) => id !== object.id) })}
				/>
			)}
		</li>
	);
};

const FrameSection = ({ workspace }: { readonly workspace: Workspace }) => {
	workspace.marks.value;
	const frame = workspace.frame.value;
	const painted = workspace.project.value.painted.find((other) => other.frame === frame);
	const confidence = workspace.confidence.get(frame);
	const isOld = workspace.project.value.outdated.some(([from, to]) => frame >= from && frame < to);
	return (
		<section>
			<header>
				<h2>Frame {frame}</h2>
			</header>
			{painted !== undefined ? (
				<>
					<p>
						<Icon name="key" /> Painted by you. It is kept as it is, and the frames around follow it.
					</p>
					<div class="row">
						{painted.hasBefore && (
							<button
								type="button"
								class="small"
								aria-pressed={workspace.isBefore.value}
								title="What had been found here before you painted (C)"
								onClick={() => workspace.attempt(() => workspace.toggleBefore())}
							>
								<Icon name="compare" /> Before
							</button>
						)}
						<button
							type="button"
							class="small"
							data-testid="unpaint"
							title={
								painted.hasBefore
									? 'Delete this correction: what had been found comes back'
									: 'Delete what is painted on this frame'
							}
							onClick={() => workspace.unpaint()}
						>
							<Icon name="trash" /> Delete
						</button>
					</div>
				</>
			) : confidence === undefined ? (
				<p class="faint">No mask yet.</p>
			) : (
				<>
					<p data-testid="confidence">
						Found, trusted to <strong>{Math.round(confidence * 100)} %</strong>.
					</p>
					<p class="faint">
						{isOld
							? 'It was found before you painted last: find masks again.'
							: 'Is it wrong? Paint what is missing, wipe what is too much, and find masks again.'}
					</p>
				</>
			)}
			<FileButton
				label="Load a mask file…"
				title="A mask from another program, of the clip's size"
				testId="mask-file"
				onFile={(file) => workspace.loadMask(file)}
			/>
		</section>
	);
};

const qualities = [
	{ name: 'fast', label: 'Fast' },
	{ name: 'balanced', label: 'Balanced' },
	{ name: 'best', label: 'Best' },
] as const;

const QualitySection = ({ workspace }: { readonly workspace: Workspace }) => (
	<section>
		<header>
			<h2>Quality</h2>
		</header>
		<div class="segments" role="radiogroup" aria-label="Speed or quality">
			{qualities.map(({ name, label }) => (
				<label key={name} class={workspace.project.value.quality === name ? 'chosen' : ''}>
					<input
						type="radio"
						name="quality"
						class="visually-hidden"
						checked={workspace.project.value.quality === name}
						disabled={workspace.run.value.state !== 'idle'}
						onChange={() => workspace.set({ quality: name })}
					/>
					{label}
				</label>
			))}
		</div>
	</section>
);
