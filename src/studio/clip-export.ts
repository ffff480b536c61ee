import { existsSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path';
import {
	AbortedError,
	type EditorPreset,
	editorFileName,
	listFormats,
	loadEditorPreset,
	propagateClip,
	UserError,
} from '../index.js';
import type { Project } from './project.js';
import type { ExportRequest, ExportState } from './protocol.js';
import { type RunInputs, runInputs } from './run-inputs.js';

type Plan = {
	readonly editor: EditorPreset | undefined;
	readonly job: RunInputs & { readonly output: string; readonly format: string; readonly overwrite: boolean };
};

/** Writes a project's masks as files for an editor: what the command line would write of the same painted frames. */
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
		const { editor, job } = await this.#plan(request);
		this.#controller = new AbortController();
		const { frames } = this.project.state;
		const { start, end } = this.project.range;
		this.#state = { state: 'running', done: 0, total: (end ?? frames.total) - start, outputs: [] };
		this.#tell();
		this.#working = this.#work(job, editor);
	}

	async cancel(): Promise<void> {
		this.#controller.abort();
		await this.#working;
	}

	/** What one would type to get the same. */
	async commandLine(request: ExportRequest): Promise<string> {
		const { job, editor } = await this.#plan(request);
		const { quality } = this.project;
		const words = [
			...['propagate', job.input],
			...job.masks.flatMap(({ frame, path }) => ['--mask', frame === 0 ? path : `${frame}=${path}`]),
			...['--mask-type', job.maskType],
			...(job.start === undefined ? [] : ['--start', job.start]),
			...(job.end === undefined ? [] : ['--end', job.end]),
			...(quality === 'balanced' ? [] : ['--quality', quality]),
			...['-o', job.output],
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
		const isFolder = extname(format) === '';
		const clip = this.project.clip.path;
		const name =
			editor === undefined
				? `${stemOf(this.project.name)}-${isFolder && format === 'png' ? 'masks' : format}`
				: editorFileName(editor, clip);
		const exports = join(this.project.folder, 'exports');
		const { output: asked } = request;
		const output =
			asked === undefined ? freeNameIn(exports, name) : isAbsolute(asked) ? asked : join(exports, asked);
		if (asked !== undefined && !isAbsolute(asked) && relative(exports, output).startsWith('..')) {
			throw new UserError('Give a whole path for a place outside of the project.');
		}
		return {
			editor,
			job: { ...runInputs(this.project), output, format, overwrite: request.overwrite === true },
		};
	}

	async #work({ output, ...job }: Plan['job'], editor: EditorPreset | undefined): Promise<void> {
		try {
			const { outputs } = await propagateClip({
				...job,
				quality: this.project.quality,
				outputs: [output],
				firstNumber: editor?.firstNumber,
				signal: this.#controller.signal,
				onFrame: ({ frame }) => {
					this.#state = { ...this.#state, done: frame + 1 };
					this.#tell();
				},
			});
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
