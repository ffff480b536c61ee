import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { freeNames, pruneUnused } from '../../onnx/edit.js';
import { standardOpset } from '../../onnx/model.js';
import { readModel } from '../../onnx/read-model.js';
import { flowConventionSchema } from '../manifest.js';
import { type InstalledPairModel, readPairModelFolder } from '../model-folder.js';
import { squareInputSchema } from './backbone-description.js';
import { findInput, requireOnly, withCanonicalInput, withCanonicalOutput } from './canonical-io.js';
import { loadDescription } from './data-file.js';
import { createModel, type NewModel } from './model-writer.js';

/** A network that takes two images and returns a flow, as data (`presets/pair-models/<name>.json`). */
export const pairDescriptionSchema = z.strictObject({
	name: z.string(),
	description: z.string(),
	license: z.string(),
	image: squareInputSchema,
	/** Names of the graph's inputs and of its output. */
	inputs: z.strictObject({ source: z.string(), target: z.string() }),
	output: z.string(),
	flow: flowConventionSchema,
});

type PairImport = NewModel & {
	/** The network as ONNX. */
	readonly graph: string;
	/** Name in `presets/pair-models`, or a `.json` file like those. */
	readonly pair: string;
	readonly license?: string | undefined;
};

const GRAPH = 'pair.onnx';

/**
 * Makes a pair model from its ONNX graph and a description.
 *
 * @throws UserError when the graph does not fit its description
 */
export const importPairModel = async (options: PairImport): Promise<InstalledPairModel> => {
	const description = await loadDescription('pair-models', options.pair, pairDescriptionSchema);
	const role = `pair model "${description.name}"`;
	const { folder } = await createModel(options, async (writer) => {
		const read = readModel(options.graph);
		const original = freeNames(read, ['source', 'target', 'flow']);
		const source = findInput(original, description.inputs.source, [], role);
		const target = findInput(original, description.inputs.target, [], role);
		requireOnly(original, [source, target], standardOpset(original), role);
		const output = original.outputs[read.outputs.findIndex(({ name }) => name === description.output)];
		if (output === undefined) {
			throw new UserError(
				`The ${role} has no output "${description.output}"; its outputs are ${read.outputs.map(({ name }) => name).join(', ')}.`,
			);
		}
		const { side, mean, std } = description.image;
		const shape = [1, 3, side, side];
		let model = withCanonicalInput({ ...original, outputs: [] }, source, {
			name: 'source',
			type: 'float32',
			shape,
		});
		model = withCanonicalInput(model, target, { name: 'target', type: 'float32', shape });
		model = withCanonicalOutput(model, output.name, 'flow');
		await writer.writeGraph(GRAPH, pruneUnused(model), 'pair');
		return {
			formatVersion: 1,
			name: options.name,
			kind: 'pair',
			description: description.description,
			license: options.license ?? description.license,
			graph: GRAPH,
			image: { side, mean, std },
			flow: description.flow,
		};
	});
	return readPairModelFolder(folder);
};
