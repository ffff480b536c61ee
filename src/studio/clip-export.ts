import { existsSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path';
import {
	AbortedError,
	type EditorPreset,
	editorFileName,
	type FrameProgress,
	listFormats,
	loadEditorPreset,
	propagateClip,
	propagateEdit,
	UserError,
} from '../index.js';
import type { Project } from './project.js';
import type { ExportRequest, ExportState } from './protocol.js';
import { type EditInputs, editInputs, type RunInputs, runInputs } from './run-inputs.js';

type Plan = {
	readonly editor: EditorPreset | undefined;
	readonly inputs: RunInputs | EditInputs;
	readonly output: string;
	readonly format: string;
	readonly overwrite: boolean;
};

/** Writes a project's masks, or its edited clip, as files for an editor: what the command line would write of the same painted frames. */
export class ClipExport {
	#state: ExportState = { state: 'idle', done: 0, total: 0, outputs: [] };
	#controller = new AbortController();
	#working: Promise<void> = Promise.resolve();

	constructor(private readonly project: Project) {}

	get state(): ExportState {
		return this.#state;
	}

	/** @throws UserError for a place that can't be, or one that is taken */
	async start(request: ExportRequest): Promise<void> {
		if (this.#state.state === 'running') {
			throw new UserError('An export is under way; wait for it, or cancel it.');
		}
		const plan = await this.#plan(request);
		this.#controller = new AbortController();
		const { frames } = this.project.state;
		const { start, end } = this.project.range;
		const first = 'edit' in plan.inputs ? plan.inputs.frame : start;
		this.#state = { state: 'running', done: 0, total: (end ?? frames.total) - first, outputs: [] };
		this.#tell();
		this.#working = this.#work(plan);
	}

	async cancel(): Promise<void> {
		this.#controller.abort();
		await this.#working;
	}

	/** What one would type to get the same. */
	async commandLine(request: ExportRequest): Promise<string> {
		const { inputs, output, editor } = await this.#plan(request);
		const { quality } = this.project;
		const { input, masks, maskType, start, end } = inputs;
		const words = [
			...['propagate', input],
			...masks.flatMap(({ frame, path }) => ['--mask', frame === 0 ? path : `${frame}=${path}`]),
			...(masks.length === 0 ? [] : ['--mask-type', maskType]),
			...('edit' in inputs ? editWords(inputs) : []),
			...(start === undefined ? [] : ['--start', start]),
			...(end === undefined ? [] : ['--end', end]),
			...(quality === 'balanced' ? [] : ['--quality', quality]),
			...['-o', output],
			...(editor !== undefined
				? ['--for', editor.name]
				: request.format === undefined
					? []
					: ['--format', request.format]),
			...(request.overwrite === true ? ['--overwrite'] : []),
		];
		return words.map(quoted).join(' ');
	}

	async #plan(request: ExportRequest): Promise<Plan> {
		const editor = request.editor === undefined ? undefined : await loadEditorPreset(request.editor);
		const format = editor?.format ?? request.format ?? 'png';
		const choice = listFormats().find(({ name }) => name === format);
		if (choice === undefined) {
			throw new UserError(`There is no format "${format}".`);
		}
		const isEdit = request.edit === true || format.startsWith('edit');
		const isFolder = extname(format) === '';
		const clip = this.project.clip.path;
		const name =
			editor === undefined
				? `${stemOf(this.project.name)}-${isFolder ? (folderNames[format] ?? format) : format}`
				: editorFileName(editor, clip);
		const exports = join(this.project.folder, 'exports');
		const { output: asked } = request;
		const output =
			asked === undefined ? freeNameIn(exports, name) : isAbsolute(asked) ? asked : join(exports, asked);
		if (asked !== undefined && !isAbsolute(asked) && relative(exports, output).startsWith('..')) {
			throw new UserError('Give a whole path for a place outside of the project.');
		}
		const inputs = isEdit ? await editInputs(this.project) : runInputs(this.project);
		return { editor, inputs, output, format, overwrite: request.overwrite === true };
	}

	async #work({ inputs, output, format, overwrite, editor }: Plan): Promise<void> {
		try {
			const job = {
				...inputs,
				...{ format, overwrite },
				quality: this.project.quality,
				outputs: [output],
				firstNumber: editor?.firstNumber,
				signal: this.#controller.signal,
				onFrame: ({ frame }: FrameProgress) => {
					this.#state = { ...this.#state, done: frame + 1 };
					this.#tell();
				},
			};
			const { outputs } = await ('edit' in job
				? propagateEdit({ ...job, linearLight: false })
				: propagateClip(job));
			const advice =
				editor === undefined ? undefined : `${editor.program}: ${editor.howToOpen} ${editor.colour}`;
			this.#state = { ...this.#state, state: 'done', total: this.#state.done, outputs, advice };
		} catch (error) {
			this.#state =
				error instanceof AbortedError
					? { ...this.#state, state: 'cancelled' }
					: {
							...this.#state,
							state: 'failed',
							failure: error instanceof Error ? error.message : String(error),
						};
		}
		this.#tell();
	}

	#tell(): void {
		this.project.tell({ type: 'export', export: this.#state });
	}
}

/** Folders whose formats' names say little. */
const folderNames: Readonly<Record<string, string>> = { png: 'masks', 'edit-png': 'edit' };

const editWords = ({ edit, mode, relight, behind }: EditInputs): string[] => [
	...['--edit', edit],
	...(mode === 'dense' ? [] : ['--edit-mode', mode]),
	...(relight ? ['--relight'] : []),
	...(behind ? ['--behind'] : []),
];

const stemOf = (name: string): string => basename(name).replaceAll(/[^\p{L}\p{N} ._-]/gu, '-') || 'clip';

/** A free name in a folder; pictures of frames have a folder of their own, which is to be free. */
const freeNameIn = (folder: string, name: string): string =>
	dirname(name) === '.'
		? freeName(join(folder, name))
		: join(freeName(join(folder, dirname(name))), basename(name));

/** The name, or the same with a number that is free. */
const freeName = (path: string): string => {
	const extension = extname(path);
	const stem = path.slice(0, path.length - extension.length);
	for (let n = 1; ; n++) {
		const candidate = n === 1 ? path : `${stem} ${n}${extension}`;
		if (!existsSync(candidate)) {
			return candidate;
		}
	}
};

/** For a POSIX shell; on Windows, double quotes. */
const quoted = (word: string): string =>
	/^[\w./:\\=@%+,-]+$/.test(word)
		? word
		: process.platform === 'win32'
			? `"${word}"`
			: `'${word.replaceAll("'", `'\\''`)}'`;
