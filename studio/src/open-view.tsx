import { useSignal } from '@preact/signals';
import type { OpenRequest, UploadLimits } from '../../src/studio/protocol';
import { beginUpload, uploadFile } from './api';
import { failure, isOpening, openAny, studio } from './app-state';
import { clipOf, requireFewPictures } from './chosen-files';
import { Icon } from './icons';

/** The files in a folder, none of folders in it. */
const entriesIn = async (folder: FileSystemDirectoryEntry): Promise<FileSystemFileEntry[]> => {
	const reader = folder.createReader();
	const entries: FileSystemFileEntry[] = [];
	// It gives a hundred at a time, until there are none.
	for (;;) {
		const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
			reader.readEntries(resolve, reject),
		);
		if (some.length === 0) {
			return entries;
		}
		entries.push(
			...(some.filter(({ isFile, name }) => isFile && !name.startsWith('.')) as FileSystemFileEntry[]),
		);
	}
};

/**
 * The files of what was dropped; a folder's in it.
 *
 * @throws Error with a sentence for the person, before thousands of files are looked at
 */
const filesOf = async (transfer: DataTransfer, limits: UploadLimits): Promise<File[]> => {
	const dropped = [...transfer.items]
		.map((item) => item.webkitGetAsEntry())
		.filter((entry) => entry !== null);
	const entries = (
		await Promise.all(
			dropped.map((entry) =>
				entry.isDirectory ? entriesIn(entry as FileSystemDirectoryEntry) : [entry as FileSystemFileEntry],
			),
		)
	).flat();
	requireFewPictures(entries, limits);
	return Promise.all(
		entries.map((entry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject))),
	);
};

/** Where a clip or a project is opened. */
export const OpenView = () => {
	const isOver = useSignal(false);
	const sent = useSignal<{ readonly done: number; readonly total: number } | undefined>(undefined);
	const path = useSignal('');
	const { value: state } = studio;

	const limits = state?.limits ?? { gigabytes: 16, files: 20_000 };

	const upload = (chosen: () => Promise<readonly File[]>): void => {
		void openAny(async (): Promise<OpenRequest> => {
			const files = clipOf(await chosen(), limits);
			sent.value = { done: 0, total: files.length };
			try {
				const { id } = await beginUpload();
				for (const [at, file] of files.entries()) {
					await uploadFile(id, file);
					sent.value = { done: at + 1, total: files.length };
				}
				return { upload: id };
			} finally {
				sent.value = undefined;
			}
		});
	};

	return (
		<main
			class={isOver.value ? 'open over' : 'open'}
			onDragOver={(event) => {
				event.preventDefault();
				isOver.value = true;
			}}
			onDragLeave={() => {
				isOver.value = false;
			}}
			onDrop={(event) => {
				event.preventDefault();
				isOver.value = false;
				const { dataTransfer } = event;
				if (dataTransfer !== null) {
					upload(() => filesOf(dataTransfer, limits));
				}
			}}
		>
			<div class="open-card">
				<h1>Paint the first frame, get the whole clip</h1>
				<label class="drop">
					<Icon name="film" />
					<strong>Drop a clip here, or choose one</strong>
					<span class="faint">A video, or a folder of numbered frames. It stays on this machine.</span>
					<input
						type="file"
						class="visually-hidden"
						multiple
						data-testid="files"
						onChange={(event) => {
							const files = [...(event.currentTarget.files ?? [])];
							event.currentTarget.value = '';
							if (files.length > 0) {
								upload(async () => files);
							}
						}}
					/>
				</label>
				<form
					class="path"
					onSubmit={(event) => {
						event.preventDefault();
						if (path.value.trim() !== '') {
							void openAny({ path: path.value.trim() });
						}
					}}
				>
					<label for="path" class="visually-hidden">
						Path of a clip or project
					</label>
					<input
						id="path"
						type="text"
						placeholder="… or the path of a clip, a folder of frames, or a project"
						value={path.value}
						spellcheck={false}
						onInput={(event) => {
							path.value = event.currentTarget.value;
						}}
					/>
					<button type="submit" disabled={path.value.trim() === '' || isOpening.value}>
						Open
					</button>
				</form>
				{failure.value !== undefined && (
					<p class="error" role="alert">
						{failure.value}
					</p>
				)}
				{(isOpening.value || sent.value !== undefined) && (
					<p role="status" class="faint">
						{sent.value === undefined ? 'Opening…' : `Copying ${sent.value.done} of ${sent.value.total}…`}
					</p>
				)}
				<div class="columns">
					<section>
						<h2>Recent projects</h2>
						{state !== undefined && state.recent.length === 0 && (
							<p class="faint">None yet. They are kept in {state.projectsFolder}.</p>
						)}
						<ul class="choices">
							{state?.recent.slice(0, 6).map(({ id, name, folder }) => (
								<li key={id}>
									<button
										type="button"
										class="choice"
										disabled={isOpening.value}
										onClick={() => void openAny({ project: id })}
									>
										<Icon name="folder" />
										<span>
											{name}
											<span class="faint">{folder}</span>
										</span>
									</button>
								</li>
							))}
						</ul>
					</section>
					<section>
						<h2>Try it on a sample</h2>
						<ul class="choices">
							{state?.samples.map((name) => (
								<li key={name}>
									<button
										type="button"
										class="choice"
										data-testid={`sample-${name}`}
										disabled={isOpening.value}
										onClick={() => void openAny({ sample: name })}
									>
										<Icon name="film" />
										<span>{name}</span>
									</button>
								</li>
							))}
						</ul>
					</section>
				</div>
			</div>
		</main>
	);
};
