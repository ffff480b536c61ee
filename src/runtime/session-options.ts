import type { InferenceSession } from 'onnxruntime-node';

type Level = NonNullable<InferenceSession.SessionOptions['graphOptimizationLevel']>;

/** How every graph of the program is loaded. @param threads inside one operator; undefined leaves the choice to the runtime */
export const sessionOptions = (
	device: string,
	threads: number | undefined,
	graphOptimizationLevel: Level = 'all',
): InferenceSession.SessionOptions => ({
	executionProviders: [device],
	graphOptimizationLevel,
	executionMode: 'sequential',
	logSeverityLevel: 4,
	// Threads that spin while they wait take the cores from decoding, refinement and other programs.
	extra: { session: { intra_op: { allow_spinning: '0' } } },
	...(threads === undefined ? {} : { intraOpNumThreads: threads }),
});
