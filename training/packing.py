"""Small files: large constants of a graph as 8-bit integers or float16. The runtime unpacks them when it loads the graph, which runs no slower."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 512  # values
# Kernels with fewer values an output channel than this lose too much by 8 bits (those of one channel alone, above all).
LEAST_FOR_BYTES = 16


def pack(graph: onnx.GraphProto, eight_bits: bool) -> None:
    """Large constants as float16; with `eight_bits` kernels of convolutions and matrices as integers with a scale for each output channel."""
    unpack(graph)
    kernels = {n.input[1]: n for n in graph.node if n.op_type in ("Conv", "Gemm") and len(n.input) > 1}
    unpacking, packed = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < SMALLEST:
            packed.append(tensor)
            continue
        values = numpy_helper.to_array(tensor)
        node = kernels.get(tensor.name) if eight_bits else None
        # Of a Gemm that transposes its matrix, and of every convolution, rows are output channels.
        by_row = node is not None and (node.op_type == "Conv" or any(a.name == "transB" and a.i for a in node.attribute))
        if by_row and values[0].size >= LEAST_FOR_BYTES:
            scale = np.abs(values).reshape(len(values), -1).max(1).clip(1e-12) / 127
            scale = scale.reshape(-1, *[1] * (values.ndim - 1)).astype(np.float32)
            packed.append(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{tensor.name}.int8"))
            packed.append(numpy_helper.from_array(scale, f"{tensor.name}.scale"))
            unpacking.append(helper.make_node("Cast", [f"{tensor.name}.int8"], [f"{tensor.name}.float"], name=f"/cast/{tensor.name}", to=TensorProto.FLOAT))
            unpacking.append(helper.make_node("Mul", [f"{tensor.name}.float", f"{tensor.name}.scale"], [tensor.name], name=f"/scale/{tensor.name}"))
        else:
            packed.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.float16"))
            unpacking.append(helper.make_node("Cast", [f"{tensor.name}.float16"], [tensor.name], name=f"/cast/{tensor.name}", to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(packed)
    graph.node.extend(unpacking + nodes)


def unpack(graph: onnx.GraphProto) -> None:
    """The reverse: constants as float32 under their own names."""
    tensors = {t.name: t for t in graph.initializer}
    gone, restored, nodes = set(), [], []
    scaled = {n.output[0][: -len(".float")] for n in graph.node if n.op_type == "Cast" and n.name.startswith("/cast/") and n.output[0].endswith(".float")}
    for node in graph.node:
        if node.name.startswith("/cast/") and node.input[0] in tensors:
            if node.output[0].endswith(".float") and node.output[0][: -len(".float")] in scaled:
                continue
            restored.append(numpy_helper.from_array(numpy_helper.to_array(tensors[node.input[0]]).astype(np.float32), node.output[0]))
            gone.add(node.input[0])
        elif node.name.startswith("/scale/"):
            name = node.output[0]
            values = numpy_helper.to_array(tensors[f"{name}.int8"]).astype(np.float32) * numpy_helper.to_array(tensors[f"{name}.scale"])
            restored.append(numpy_helper.from_array(values, name))
            gone |= {f"{name}.int8", f"{name}.scale"}
        else:
            nodes.append(node)
    kept = [t for t in graph.initializer if t.name not in gone]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept + restored)
    graph.node.extend(nodes)
