import { UserError } from '../../core/errors.js';
import { nodeFrom, redirectReaders, valueFrom } from '../../onnx/edit.js';
import { elementTypeCodes, type GraphValue, int } from '../../onnx/graph-spec.js';
import type { OnnxModel, OnnxNode, OnnxValue } from '../../onnx/model.js';

const castTo = (input: string, output: string, typeCode: number): OnnxNode =>
	nodeFrom({ opType: 'Cast', inputs: [input], outputs: [output], attributes: { to: int(typeCode) } });

/**
 * Gives a graph's input our name, float32 and a fixed shape; what its nodes read is converted from that.
 *
 * @param native the input as exported: any name, float32, float16 or an integer type
 */
export const withCanonicalInput = (model: OnnxModel, native: OnnxValue, canonical: GraphValue): OnnxModel => {
	const value = valueFrom(canonical);
	const inputs = model.inputs.map((input) => (input === native ? value : input));
	const isScalar = native.shape?.length === 0;
	if (native.name === canonical.name && native.typeCode === elementTypeCodes.float32 && !isScalar) {
		return { ...model, inputs };
	}
	const inner = `propagate/native/${native.name}`;
	const flat = isScalar ? `${inner}/flat` : inner;
	return {
		...model,
		inputs,
		nodes: [
			castTo(canonical.name, flat, native.typeCode),
			...(isScalar
				? // A tensor of one value as a scalar: Squeeze drops every dimension of size 1.
					[nodeFrom({ opType: 'Squeeze', inputs: [flat], outputs: [inner] })]
				: []),
			...redirectReaders(model.nodes, native.name, inner),
		],
	};
};

/** Adds an output of our name and float32, computed from a tensor of the graph. */
export const withCanonicalOutput = (model: OnnxModel, tensor: string, name: string): OnnxModel => ({
	...model,
	nodes: [...model.nodes, castTo(tensor, name, elementTypeCodes.float32)],
	outputs: [...model.outputs, valueFrom({ name, type: 'float32' })],
});

/** Finds an input by its usual name or, in renamed graphs, by its rank. */
export const findInput = (
	model: OnnxModel,
	name: string,
	ranks: readonly number[],
	role: string,
): OnnxValue => {
	const byName = model.inputs.find((input) => input.name === name);
	const byRank = model.inputs.filter((input) => ranks.includes(input.shape?.length ?? -1));
	const found = byName ?? (byRank.length === 1 ? byRank[0] : undefined);
	if (found === undefined) {
		throw new UserError(
			`The ${role} has no input "${name}" (its inputs are ${model.inputs.map((input) => input.name).join(', ') || 'none'}); expected a diffusers or Optimum ONNX export.`,
		);
	}
	return found;
};

/** @throws UserError when the graph needs inputs that we do not feed, or an operator set that is too old */
export const requireOnly = (
	model: OnnxModel,
	known: readonly OnnxValue[],
	opset: number,
	role: string,
): void => {
	const unknown = model.inputs.filter((input) => !known.includes(input));
	if (unknown.length > 0) {
		throw new UserError(
			`The ${role} has the inputs ${unknown.map((input) => input.name).join(', ')}, which are not supported; expected an export of Stable Diffusion 1.x or 2.x.`,
		);
	}
	if (opset < 13) {
		throw new UserError(`The ${role} is exported with opset ${opset}; export it with opset 13 or later.`);
	}
};
