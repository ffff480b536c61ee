import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import open from 'open';
import { z } from 'zod';
import type { Size } from '../core/size.js';
import { AbortedError, editorNames, listFormats, loadEditorPreset, UserError } from '../index.js';
import { guard, newToken } from './guard.js';
import { HintMarker } from './hint-marker.js';
import { Library, type OpenProject, requireClipOrProject } from './library.js';
import type { Project } from './project.js';
import {
	editChangeSchema,
	exportSchema,
	hintsSchema,
	MASK_KIND,
	newEditSchema,
	openSchema,
	type PaintingKept,
	runSchema,
	type StudioEvent,
	type StudioState,
	settingsSchema,
} from './protocol.js';

type StudioOptions = {
	/** Opened first: a clip, a folder of frames, or a project's folder. */
	readonly clip?: string | undefined;
	/** Where new projects go. Default: `Propagate` in the home folder. */
	readonly projects?: string | undefined;
	/** Of the machine itself; one that is free near 4860 when omitted. */
	readonly port?: number | undefined;
};

type Studio = {
	/** With the token: whoever has it may do all that the page can. */
	readonly address: string;
	/** Ends what is under way; what is painted is on disk already. */
	close(): Promise<void>;
};

const USUAL_PORT = 4860;
const PORTS_TRIED = 20;
/** Of a frame's painted ids, deflated: what doesn't shrink is no painting. */
const MOST_PAINTED_BYTES = 64 * 2 ** 20;

const page = fileURLToPath(new URL('./page/', import.meta.url));
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
const deflateInThreadPool = promisify(deflate);
const inflateInThreadPool = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

/**
 * Serves the studio to this machine alone.
 *
 * @throws UserError when the clip is not there, or the port is taken
 */
export const startStudio = async (options: StudioOptions = {}): Promise<Studio> => {
	if (options.clip !== undefined) {
		await requireClipOrProject(options.clip);
	}
	const library = new Library(resolve(options.projects ?? join(homedir(), 'Propagate')));
	const token = newToken();
	let port = options.port ?? 0;
	const app = fastify({ bodyLimit: 2 ** 20, forceCloseConnections: true });
	guard(app, token, () => port);
	await app.register(fastifyWebsocket, { options: { maxPayload: 2 ** 16 } });
	await app.register(fastifyStatic, { root: page });
	// What is sent in pieces is read as it comes.
	app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
	app.setErrorHandler((error, _request, reply) => answerFailure(error, reply));
	const first = options.clip === undefined ? undefined : resolve(options.clip);
	addStudioRoutes(app, library, first);
	const marker = new HintMarker();
	addProjectRoutes(app, library, marker);
	await app.register(async (scope) => addEvents(scope, library));
	port = await listen(app, options.port);
	return {
		address: `http://127.0.0.1:${port}/?token=${token}`,
		close: async () => {
			await library.closeAll();
			await marker.close();
			await app.close();
		},
	};
};

/** @returns the port */
const listen = async (app: FastifyInstance, asked: number | undefined): Promise<number> => {
	const ports = asked === undefined ? Array.from({ length: PORTS_TRIED }, (_, n) => USUAL_PORT + n) : [asked];
	for (const port of [...ports, ...(asked === undefined ? [0] : [])]) {
		try {
			await app.listen({ host: '127.0.0.1', port });
			const address = app.server.address();
			return typeof address === 'object' && address !== null ? address.port : port;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || asked !== undefined) {
				throw new UserError(
					`Port ${port} can't be used (${(error as NodeJS.ErrnoException).code}); give another one with --port.`,
				);
			}
		}
	}
	throw new UserError('No port is free.');
};

/** What is wrong, as a sentence; what nobody has foreseen is told as well, since it stays on this machine. */
const answerFailure = (error: unknown, reply: FastifyReply): FastifyReply => {
	const told = error as { readonly statusCode?: number; readonly message?: string };
	const code =
		error instanceof UserError || error instanceof z.ZodError
			? 400
			: error instanceof AbortedError
				? 409
				: (told.statusCode ?? 500);
	const message =
		error instanceof z.ZodError
			? z.prettifyError(error)
			: (error as NodeJS.ErrnoException).code === 'ENOSPC'
				? 'The disk is full: nothing of this was kept.'
				: (told.message ?? String(error));
	return reply.code(code).send({ message });
};

const addStudioRoutes = (app: FastifyInstance, library: Library, first: string | undefined): void => {
	app.get('/api/studio', async (): Promise<StudioState> => {
		const editors = await Promise.all((await editorNames()).map(loadEditorPreset));
		return {
			...{ version, first, projectsFolder: library.folder, limits: library.limits },
			samples: await library.samples(),
			recent: await library.recent(),
			formats: listFormats(),
			editors: editors.map(({ name, program, format, colour, howToOpen }) => ({
				...{ name, program, format, colour, howToOpen },
			})),
		};
	});
	app.post('/api/open', async (request) => {
		const { project } = await library.open(openSchema.parse(request.body));
		return project.state;
	});
	app.post('/api/uploads', async () => ({ id: await library.beginUpload() }));
	app.put('/api/uploads/:id/:name', { bodyLimit: Number.MAX_SAFE_INTEGER }, async (request, reply) => {
		const { id, name } = z.object({ id: z.uuid(), name: z.string() }).parse(request.params);
		await library.upload(id, name, streamOf(request.body), announcedBytes(request));
		return reply.code(204).send();
	});
};

const projectParams = z.object({ id: z.uuid() });
const frameParams = z.object({ id: z.uuid(), frame: z.coerce.number<string>().int().min(0).max(1e7) });
const basisSchema = z.object({ basis: z.coerce.number<string>().int().min(0) });

const addProjectRoutes = (app: FastifyInstance, library: Library, marker: HintMarker): void => {
	const of = (params: unknown): OpenProject => library.get(projectParams.parse(params).id);
	const at = (params: unknown): OpenProject & { readonly frame: number } => {
		const { id, frame } = frameParams.parse(params);
		return { ...library.get(id), frame };
	};
	const base = '/api/projects/:id';

	app.get(base, async ({ params }) => of(params).project.state);
	app.patch(base, async ({ params, body }) => {
		const { project } = of(params);
		await project.set(settingsSchema.parse(body));
		return project.state;
	});
	app.delete(base, async ({ params }, reply) => {
		await library.close(projectParams.parse(params).id);
		return reply.code(204).send();
	});

	app.get(`${base}/pictures/:frame`, async ({ params }, reply) => {
		const { project, frame } = at(params);
		const picture = await project.pictures.get(frame);
		if (picture === undefined) {
			return reply.code(404).send({ message: `The clip has no frame ${frame}.` });
		}
		return reply.header('cache-control', 'private, max-age=3600').type('image/jpeg').send(picture);
	});
	app.get(`${base}/masks/:frame`, async ({ params }, reply) => {
		const { project, frame } = at(params);
		const { kind, ids } = await project.mask(frame);
		return sendIds(reply.header(MASK_KIND, kind), ids);
	});
	app.get(`${base}/before/:frame`, async ({ params }, reply) => {
		const { project, frame } = at(params);
		return sendIds(reply, await project.before(frame));
	});
	app.put(
		`${base}/painted/:frame`,
		{ bodyLimit: MOST_PAINTED_BYTES },
		async ({ params, query, body }, reply) => {
			const { project, frame } = at(params);
			const { basis } = basisSchema.parse(query);
			const ids = await receivedIds(project.clip.info, streamOf(body));
			return sendKept(reply, await project.paint(frame, ids, basis));
		},
	);
	app.delete(`${base}/painted/:frame`, async ({ params, query }, reply) => {
		const { project, frame } = at(params);
		const { basis } = basisSchema.parse(query);
		return sendKept(reply, await project.unpaint(frame, basis));
	});

	/** What a mask file means, for the page to paint it. */
	app.post(`${base}/mask-file`, { bodyLimit: MOST_PAINTED_BYTES }, async ({ params, body }, reply) => {
		const { project } = of(params);
		return sendIds(reply, await project.readMask(await received(streamOf(body))));
	});

	app.post(`${base}/hints/:frame`, { bodyLimit: MOST_PAINTED_BYTES }, async ({ params, body }, reply) => {
		const { project, frame } = at(params);
		const { mask, ...hints } = hintsSchema.parse(body);
		const marked = mask && (await inflatedIds(project.clip.info, Buffer.from(mask, 'base64')));
		return sendIds(reply, await marker.mask(project, frame, { ...hints, mask: marked || undefined }));
	});
	app.post(`${base}/hints/:frame/look`, async ({ params }, reply) => {
		const { project, frame } = at(params);
		await marker.look(project, frame);
		return reply.code(204).send();
	});

	addEditRoutes(app, library);

	app.post(`${base}/run`, async ({ params, body }) => {
		const { run } = of(params);
		await run.start(runSchema.parse(body ?? {}).what);
		return run.state;
	});
	app.post(`${base}/run/pause`, async ({ params }) => {
		const { run } = of(params);
		run.pause();
		return run.state;
	});
	app.delete(`${base}/run`, async ({ params }) => {
		const { run } = of(params);
		await run.cancel();
		return run.state;
	});

	app.post(`${base}/export`, async ({ params, body }) => {
		const project = of(params);
		await project.export.start(exportSchema.parse(body));
		return project.export.state;
	});
	app.post(`${base}/export/command`, async ({ params, body }) => ({
		command: await of(params).export.commandLine(exportSchema.parse(body)),
	}));
	app.delete(`${base}/export`, async ({ params }) => {
		const project = of(params);
		await project.export.cancel();
		return project.export.state;
	});
	/** Shows what was exported in the system's file manager. */
	app.post(`${base}/export/show`, async ({ params }, reply) => {
		const [output] = of(params).export.state.outputs;
		if (output === undefined) {
			throw new UserError('Nothing has been exported yet.');
		}
		await open(dirname(output));
		return reply.code(204).send();
	});
};

const addEditRoutes = (app: FastifyInstance, library: Library): void => {
	const of = (params: unknown): Project => library.get(projectParams.parse(params).id).project;
	const base = '/api/projects/:id';

	app.put(`${base}/edit`, { bodyLimit: Number.MAX_SAFE_INTEGER }, async (request, reply) => {
		const project = of(request.params);
		const asked = newEditSchema.parse(request.query);
		return sendEdit(
			reply,
			project,
			await project.edit.load(asked, streamOf(request.body), announcedBytes(request)),
		);
	});
	app.patch(`${base}/edit`, async ({ params, query, body }, reply) => {
		const project = of(params);
		const { basis } = basisSchema.parse(query);
		return sendEdit(reply, project, await project.edit.change(editChangeSchema.parse(body), basis));
	});
	app.delete(`${base}/edit`, async ({ params, query }, reply) => {
		const project = of(params);
		return sendEdit(reply, project, await project.edit.remove(basisSchema.parse(query).basis));
	});
	app.get(`${base}/edit/picture`, async ({ params }, reply) => {
		const picture = await of(params).edit.picture();
		return picture === undefined ? reply.code(204).send() : reply.type('image/png').send(picture);
	});
	app.get(`${base}/edited/:frame`, async ({ params }, reply) => {
		const picture = await of(params).edit.carried(frameParams.parse(params).frame);
		return picture === undefined ? reply.code(204).send() : reply.type('image/jpeg').send(picture);
	});
	/** A frame as it is in the clip, to be retouched. */
	app.get(`${base}/frames/:frame`, async ({ params }, reply) => {
		const project = of(params);
		const { frame } = frameParams.parse(params);
		const name = `${project.name.replaceAll(/[^\w.-]+/g, '-')}-frame-${frame}.png`;
		return reply
			.header('content-disposition', `attachment; filename="${name}"`)
			.type('image/png')
			.send(await project.framePng(frame));
	});
};

const sendEdit = (reply: FastifyReply, project: Project, isKept: boolean): FastifyReply =>
	reply.code(isKept ? 200 : 409).send({
		...{ isKept, project: project.state },
		message: 'The edit has been changed in another window meanwhile; what is there now is shown.',
	});

const sendKept = (reply: FastifyReply, kept: PaintingKept): FastifyReply =>
	kept.isKept
		? reply.send(kept)
		: reply.code(409).send({
				...kept,
				message: 'This frame has been painted in another window meanwhile; what is there now is shown.',
			});

/** Events of a project, to every page that shows it. */
const addEvents = (app: FastifyInstance, library: Library): void => {
	app.get('/api/projects/:id/events', { websocket: true }, (socket, request) => {
		const parsed = projectParams.safeParse(request.params);
		let open: OpenProject;
		try {
			open = library.get(parsed.data?.id ?? '');
		} catch {
			socket.close(4404, 'not open');
			return;
		}
		const send = (event: StudioEvent): void => {
			socket.send(JSON.stringify(event));
		};
		const stop = open.project.listen(send);
		socket.on('close', stop);
		socket.on('error', stop);
		send({ type: 'project', project: open.project.state });
		send({ type: 'run', run: open.run.state });
		send({ type: 'export', export: open.export.state });
	});
};

const announcedBytes = ({ headers }: FastifyRequest): number => Number(headers['content-length'] ?? 0);

const streamOf = (body: unknown): Readable => {
	if (!(body instanceof Readable)) {
		throw new UserError('A file is expected (application/octet-stream).');
	}
	return body;
};

/** @param ids [height * width]; undefined when there is no mask */
const sendIds = async (reply: FastifyReply, ids: Uint8Array | undefined): Promise<FastifyReply> => {
	if (ids === undefined) {
		return reply.code(204).send();
	}
	return reply
		.header('content-encoding', 'deflate')
		.type('application/octet-stream')
		.send(await deflateInThreadPool(ids, { level: 1 }));
};

const receivedIds = async (size: Size, body: Readable): Promise<Uint8Array> =>
	inflatedIds(size, await received(body));

/** Object ids of a frame as a page sends them, deflated. @throws UserError when they are of another size */
const inflatedIds = async ({ width, height }: Size, deflated: Buffer): Promise<Uint8Array> => {
	const wrong = new UserError(`A mask of this clip has ${width}×${height} pixels.`);
	const ids = await inflateInThreadPool(deflated, { maxOutputLength: width * height }).catch(() => {
		throw wrong;
	});
	if (ids.length !== width * height) {
		throw wrong;
	}
	return ids;
};

/** @throws UserError when it is more than a mask can be */
const received = async (body: Readable): Promise<Buffer> => {
	const pieces: Buffer[] = [];
	let bytes = 0;
	for await (const piece of body) {
		bytes += (piece as Buffer).length;
		if (bytes > MOST_PAINTED_BYTES) {
			throw new UserError('This is too much for a mask.');
		}
		pieces.push(piece as Buffer);
	}
	return Buffer.concat(pieces);
};
