import { InferenceSession } from 'onnxruntime-node';

type Level = NonNullable<InferenceSession.SessionOptions['graphOptimizationLevel']>;

/**
 * Loads a graph as every one of the program's is.
 *
 * @param graph path or bytes of an ONNX model
 * @param threads inside one operator; undefined leaves the choice to the runtime
 */
export const openGraph = async (
	graph: string | Uint8Array,
	device: string,
	threads: number | undefined,
	graphOptimizationLevel: Level = 'all',
): Promise<InferenceSession> => {
	const open = (exactBytes: '0' | '1'): Promise<InferenceSession> => {
		const options: InferenceSession.SessionOptions = {
			executionProviders: [device],
			graphOptimizationLevel,
			executionMode: 'sequential',
			logSeverityLevel: 4,
			extra: {
				session: {
					// Threads that spin while they wait take the cores from decoding, refinement and other programs.
					intra_op: { allow_spinning: '0' },
					// Processors without VNNI add two products of 8-bit integers in 16 bits, which overflow: there weights are taken as unsigned.
					x64quantprecision: exactBytes,
				},
			},
			...(threads === undefined ? {} : { intraOpNumThreads: threads }),
		};
		// Two branches because the overloads of `create` take a path or bytes, not their union.
		return typeof graph === 'string'
			? InferenceSession.create(graph, options)
			: InferenceSession.create(graph, options);
	};
	try {
		return await open('1');
	} catch {
		// The runtime does not convert weights that several nodes share: such a graph is taken as it is. Any other fault is told again.
		return open('0');
	}
};
