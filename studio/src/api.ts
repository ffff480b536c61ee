import type {
	EditChange,
	ExportRequest,
	ExportState,
	FrameHints,
	MaskKind,
	NewEdit,
	OpenRequest,
	PaintingKept,
	ProjectSettings,
	ProjectState,
	RunState,
	StudioEvent,
	StudioState,
} from '../../src/studio/protocol';

/** The server has refused, with a sentence for the person; `status` 0 when it can't be reached. */
export class StudioError extends Error {
	constructor(
		message: string,
		readonly status: number,
		/** Of a painted frame that somebody else has changed, as it is now. */
		readonly revision?: number,
	) {
		super(message);
	}
}

const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
	let response: Response;
	try {
		response = await fetch(path, init);
	} catch (error) {
		if (init.signal?.aborted) {
			throw error;
		}
		throw new StudioError('The studio does not answer.', 0);
	}
	if (!response.ok) {
		const told = (await response.json().catch(() => ({}))) as {
			readonly message?: string;
			readonly revision?: number;
		};
		throw new StudioError(told.message ?? response.statusText, response.status, told.revision);
	}
	return response;
};

const json = async <Answer>(path: string, method = 'GET', body?: unknown): Promise<Answer> => {
	const init: RequestInit = { method };
	if (body !== undefined) {
		init.headers = { 'content-type': 'application/json' };
		init.body = JSON.stringify(body);
	}
	const response = await send(path, init);
	return (response.status === 204 ? undefined : await response.json()) as Answer;
};

const bytes = { 'content-type': 'application/octet-stream' };

const deflated = (data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> =>
	new Response(new Blob([data]).stream().pipeThrough(new CompressionStream('deflate'))).arrayBuffer();

const base64 = (data: Uint8Array): string =>
	btoa(Array.from(data, (value) => String.fromCharCode(value)).join(''));

const idsOf = async (response: Response): Promise<Uint8Array<ArrayBuffer> | undefined> =>
	response.status === 204 ? undefined : new Uint8Array(await response.arrayBuffer());

export const getStudio = (): Promise<StudioState> => json('/api/studio');
export const openProject = (request: OpenRequest): Promise<ProjectState> =>
	json('/api/open', 'POST', request);
export const beginUpload = (): Promise<{ readonly id: string }> => json('/api/uploads', 'POST');
export const uploadFile = async (id: string, file: File): Promise<void> => {
	await send(`/api/uploads/${id}/${encodeURIComponent(file.name)}`, {
		method: 'PUT',
		headers: bytes,
		body: file,
	});
};

/** What can be asked of an open project. */
export class ProjectApi {
	readonly #base: string;

	constructor(readonly id: string) {
		this.#base = `/api/projects/${id}`;
	}

	set(settings: ProjectSettings): Promise<ProjectState> {
		return json(this.#base, 'PATCH', settings);
	}

	close(): Promise<void> {
		return json(this.#base, 'DELETE');
	}

	async picture(frame: number, signal: AbortSignal): Promise<ImageBitmap> {
		const response = await send(`${this.#base}/pictures/${frame}`, { signal });
		return createImageBitmap(await response.blob());
	}

	/** [height * width] object ids; undefined where nothing is known of the frame. */
	async mask(
		frame: number,
		signal: AbortSignal,
	): Promise<{ readonly kind: MaskKind; readonly ids: Uint8Array<ArrayBuffer> | undefined }> {
		const response = await send(`${this.#base}/masks/${frame}`, { signal });
		return { kind: response.headers.get('x-mask-kind') as MaskKind, ids: await idsOf(response) };
	}

	async before(frame: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
		return idsOf(await send(`${this.#base}/before/${frame}`));
	}

	async paint(frame: number, ids: Uint8Array<ArrayBuffer>, basis: number): Promise<PaintingKept> {
		const response = await send(`${this.#base}/painted/${frame}?basis=${basis}`, {
			...{ method: 'PUT', headers: bytes, body: await deflated(ids) },
		});
		return (await response.json()) as PaintingKept;
	}

	unpaint(frame: number, basis: number): Promise<PaintingKept> {
		return json(`${this.#base}/painted/${frame}?basis=${basis}`, 'DELETE');
	}

	/** [height * width] object ids of a mask file. */
	async maskFile(file: File): Promise<Uint8Array<ArrayBuffer> | undefined> {
		return idsOf(await send(`${this.#base}/mask-file`, { method: 'POST', headers: bytes, body: file }));
	}

	/**
	 * [height * width] 1 on what the hints mean.
	 *
	 * @param marked what they correct, [height * width] 1 on the object
	 */
	async hints(
		frame: number,
		hints: Omit<FrameHints, 'mask'>,
		marked?: Uint8Array<ArrayBuffer>,
	): Promise<Uint8Array<ArrayBuffer> | undefined> {
		const mask = marked && base64(new Uint8Array(await deflated(marked)));
		const init = {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(mask === undefined ? hints : { ...hints, mask }),
		};
		return idsOf(await send(`${this.#base}/hints/${frame}`, init));
	}

	/** Lets the engine look at a frame, so that its first hint need not wait. */
	lookAt(frame: number): Promise<void> {
		return json(`${this.#base}/hints/${frame}/look`, 'POST');
	}

	/** Loads a picture that is to be carried. */
	async loadEdit(file: File, edit: NewEdit): Promise<ProjectState> {
		const query = new URLSearchParams(Object.entries(edit).map(([name, value]) => [name, String(value)]));
		const response = await send(`${this.#base}/edit?${query}`, { method: 'PUT', headers: bytes, body: file });
		return ((await response.json()) as { readonly project: ProjectState }).project;
	}

	async changeEdit(change: EditChange, basis: number): Promise<ProjectState> {
		const response = await send(`${this.#base}/edit?basis=${basis}`, {
			...{ method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(change) },
			// It arrives also when the page is reloaded at this moment.
			keepalive: true,
		});
		return ((await response.json()) as { readonly project: ProjectState }).project;
	}

	async removeEdit(basis: number): Promise<ProjectState> {
		const answer = await json<{ readonly project: ProjectState }>(
			`${this.#base}/edit?basis=${basis}`,
			'DELETE',
		);
		return answer.project;
	}

	/** Where the picture is that is carried, as it was loaded. */
	editPicture(revision: number): string {
		return `${this.#base}/edit/picture?revision=${revision}`;
	}

	/** Where a frame is as it is in the clip, a PNG to be retouched. */
	framePng(frame: number): string {
		return `${this.#base}/frames/${frame}`;
	}

	/** A frame with the edit in it; undefined where it has not been carried to. */
	async edited(frame: number, signal: AbortSignal): Promise<ImageBitmap | undefined> {
		const response = await send(`${this.#base}/edited/${frame}`, { signal });
		return response.status === 204 ? undefined : createImageBitmap(await response.blob());
	}

	run(what: RunState['what']): Promise<RunState> {
		return json(`${this.#base}/run`, 'POST', { what });
	}

	pause(): Promise<RunState> {
		return json(`${this.#base}/run/pause`, 'POST');
	}

	cancelRun(): Promise<RunState> {
		return json(`${this.#base}/run`, 'DELETE');
	}

	export(request: ExportRequest): Promise<ExportState> {
		return json(`${this.#base}/export`, 'POST', request);
	}

	exportCommand(request: ExportRequest): Promise<{ readonly command: string }> {
		return json(`${this.#base}/export/command`, 'POST', request);
	}

	cancelExport(): Promise<ExportState> {
		return json(`${this.#base}/export`, 'DELETE');
	}

	showExport(): Promise<void> {
		return json(`${this.#base}/export/show`, 'POST');
	}

	/** Tells of events until it is closed; comes back by itself when the connection was lost. */
	events(listener: (event: StudioEvent) => void, state: (connected: boolean) => void): () => void {
		let socket: WebSocket | undefined;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let closed = false;
		const connect = (): void => {
			socket = new WebSocket(`ws://${location.host}${this.#base}/events`);
			socket.onopen = () => state(true);
			socket.onmessage = ({ data }) => listener(JSON.parse(String(data)) as StudioEvent);
			socket.onclose = () => {
				if (!closed) {
					state(false);
					timer = setTimeout(connect, 1000);
				}
			};
		};
		connect();
		return () => {
			closed = true;
			clearTimeout(timer);
			socket?.close();
		};
	}
}
