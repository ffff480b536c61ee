import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, writeFailure } from '../core/atomic-file.js';
import { pathInside } from '../core/path-inside.js';
import { clearLeftovers, temporaryPath } from '../core/temporary-names.js';
import { WeightLinks } from '../models/import/weight-links.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import { nodeFrom, pruneUnused, valueFrom } from '../onnx/edit.js';
import { elementTypeCodes, int } from '../onnx/graph-spec.js';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { encodeModel } from '../onnx/write-model.js';
import { makePrivateFolder } from '../store/cache-file.js';
import { descriptorIdentity } from '../store/descriptor-store.js';
import { propagateHome } from '../store/locations.js';

const GRAPH = 'raw.onnx';
const outputName = (layer: number): string => `propagate/raw/${layer}`;

/**
 * A model whose graph gives out its layers as they are. Imported models do; of others a graph that does, without the
 * aggregation network, is written once under `PROPAGATE_HOME`, beside links to its weights. The folder of such a model
 * holds nothing but the graph.
 */
export const withTapOutputs = async (model: InstalledModel): Promise<InstalledModel> => {
	const { folder, manifest } = model;
	if (manifest.taps.every(({ output }) => output !== undefined)) {
		return model;
	}
	const place = join(propagateHome(), 'raw', descriptorIdentity(manifest));
	if (!existsSync(join(place, GRAPH))) {
		const partial = temporaryPath(place);
		await makePrivateFolder(dirname(place));
		await clearLeftovers(dirname(place));
		try {
			await mkdir(partial);
			const graph = tapGraph(readModel(pathInside(folder, manifest.graph)), manifest.taps);
			// The runtime wants a graph and its weights in one folder.
			const links = new WeightLinks(partial);
			await links.add(graph, 'step');
			await writeFile(join(partial, GRAPH), encodeModel(graph, links.locationOf));
			await rm(place, { recursive: true, force: true });
			await syncPath(join(partial, GRAPH));
			await rename(partial, place);
		} catch (error) {
			throw writeFailure(place, error);
		} finally {
			await rm(partial, { recursive: true, force: true });
		}
	}
	const taps = manifest.taps.map((tap, layer) => ({ ...tap, output: outputName(layer) }));
	return { folder: place, manifest: { ...manifest, graph: GRAPH, taps } };
};

/** The model's network with its taps as outputs and the aggregation left out. */
const tapGraph = (model: OnnxModel, taps: Manifest['taps']): OnnxModel =>
	pruneUnused({
		...model,
		nodes: [
			...model.nodes,
			// Exports in half precision have half-precision taps.
			...taps.map((tap, layer) =>
				nodeFrom({
					opType: 'Cast',
					inputs: [tap.tensor],
					outputs: [outputName(layer)],
					attributes: { to: int(elementTypeCodes.float32) },
				}),
			),
		],
		outputs: [
			...model.outputs.filter(({ name }) => name === 'noise_pred'),
			...taps.map((_, layer) => valueFrom({ name: outputName(layer), type: 'float32' })),
		],
	});
