/**
 * The worker thread that owns onnxruntime. Its session calls block the thread they run on
 * (microsoft/onnxruntime#19611), so they must not run where progress and Ctrl-C are handled.
 */
import { workerData } from 'node:worker_threads';
import { type InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node';
import { discard } from '../core/discard.js';
import { cudaInstalled } from './cuda-installed.js';
import { openGraph } from './open-graph.js';
import { serveRequests } from './serve-requests.js';
import type { Device, GraphSource, ResidentTensor, ValueInfo } from './session.js';
import type { Tensor } from './tensor.js';
import type { DevicesReply, LoadReply, RunReply, WorkerRequest, WorkerSettings } from './worker-protocol.js';

const settings = workerData as WorkerSettings;
const sessions = new Map<number, InferenceSession>();
const residents = new Map<number, OrtTensor>();
let nextHandle = 1;

const automaticDevices = (): Device[] => {
	const offered = new Set(listSupportedBackends().map((backend) => backend.name));
	const wanted: Device[] = cudaInstalled() ? ['cuda', 'dml'] : ['dml'];
	return [...wanted.filter((device) => offered.has(device)), 'cpu'];
};

let devicesToTry: Device[] = settings.device === 'auto' ? automaticDevices() : [settings.device];

type Level = NonNullable<InferenceSession.SessionOptions['graphOptimizationLevel']>;

const graphFor = (source: GraphSource, device: Device): [string | Uint8Array, Level] => {
	if (typeof source === 'string' || source instanceof Uint8Array) {
		return [source, 'all'];
	}
	// A graph made for CPUs has the layout it wants: the last level would bring all of it, maps in floats too, into the layout that
	// 8-bit convolutions have inside, and spend more on transposing than it saves.
	return device === 'cpu' ? [source.cpu, 'extended'] : [source.other, 'all'];
};

const createSession = async (source: GraphSource): Promise<[InferenceSession, Device]> => {
	let lastError: unknown;
	if (settings.device === 'cuda' && !cudaInstalled()) {
		throw new Error('its libraries are not installed (see "Devices" in the README).');
	}
	for (const device of devicesToTry) {
		const [graph, graphOptimizationLevel] = graphFor(source, device);
		try {
			const session = await openGraph(graph, device, settings.threads, graphOptimizationLevel);
			// All sessions of a run share one device.
			devicesToTry = [device];
			return [session, device];
		} catch (error) {
			lastError = error;
		}
	}
	throw lastError;
};

const describe = (values: readonly InferenceSession.ValueMetadata[]): ValueInfo[] =>
	values.map((value) => ({
		name: value.name,
		type: value.isTensor ? value.type : 'other',
		shape: value.isTensor ? [...value.shape] : [],
	}));

const toOrt = (tensor: Tensor | ResidentTensor): OrtTensor => {
	if ('resident' in tensor) {
		const kept = residents.get(tensor.resident);
		if (kept === undefined) {
			throw new Error('A resident tensor was used after it was freed.');
		}
		return kept;
	}
	return new OrtTensor(tensor.type, tensor.data, tensor.dims);
};

const fromOrt = (tensor: OrtTensor): Tensor => {
	const { type, dims } = tensor;
	if (!['float32', 'float16', 'int64', 'int32', 'uint8', 'bool'].includes(type)) {
		throw new Error(`The graph returned a tensor of type ${type}, which is not handled.`);
	}
	return { type, data: tensor.data, dims } as Tensor;
};

const load = async (graph: GraphSource): Promise<LoadReply> => {
	const [session, device] = await createSession(graph);
	const handle = nextHandle++;
	sessions.set(handle, session);
	return {
		session: handle,
		device,
		inputs: describe(session.inputMetadata),
		outputs: describe(session.outputMetadata),
	};
};

const run = async (request: Extract<WorkerRequest, { kind: 'run' }>): Promise<RunReply> => {
	const session = sessions.get(request.session);
	if (session === undefined) {
		throw new Error('The session has been released.');
	}
	const feeds = Object.fromEntries(Object.entries(request.feeds).map(([name, t]) => [name, toOrt(t)]));
	const results =
		request.fetches === undefined ? await session.run(feeds) : await session.run(feeds, request.fetches);
	discard(Object.values(request.feeds).flatMap((feed) => ('data' in feed ? [feed.data] : [])));
	const reply: RunReply = {};
	for (const [name, value] of Object.entries(results)) {
		const tensor = value as OrtTensor;
		if (request.resident) {
			const resident = nextHandle++;
			residents.set(resident, tensor);
			reply[name] = { resident, dims: tensor.dims };
		} else {
			reply[name] = fromOrt(tensor);
		}
	}
	return reply;
};

const handle = async (request: WorkerRequest): Promise<DevicesReply | LoadReply | RunReply | undefined> => {
	switch (request.kind) {
		case 'devices':
			return { devices: devicesToTry };
		case 'load':
			return load(request.graph);
		case 'run':
			return run(request);
		case 'free':
			for (const resident of request.residents) {
				residents.get(resident)?.dispose();
				residents.delete(resident);
			}
			return undefined;
		case 'release':
			await sessions.get(request.session)?.release();
			sessions.delete(request.session);
			return undefined;
	}
};

/** Results are this thread's own and read by nobody here: a copy of a descriptor map would take as long as a tenth of the model. */
const buffersOf = (reply: Awaited<ReturnType<typeof handle>>): ArrayBuffer[] =>
	Object.values(reply ?? {}).flatMap((value) => {
		const { buffer } = (value as Partial<Tensor>).data ?? {};
		return buffer instanceof ArrayBuffer ? [buffer] : [];
	});

// One request at a time: two runs at once would fight over the same threads.
serveRequests(handle, buffersOf);
