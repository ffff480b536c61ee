"""Turn a shipped model back into a checkpoint that training goes on from: the model in the repository is its own backup.

The weights are the moving averages as 8-bit integers, so training warms the optimizer's moments up again.
"""

import argparse
import json
import math
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

import aggregation
import export
from join_recognition import TAPS, without_recognition
from state import save_checkpoint
from unet import UNet2D

# What the exporter made of a parameter that it renamed: the operator that reads it, and how to undo its change of shape.
FOLDED = {
    "Mul": ("weight", lambda w: w.flatten()),
    "Add": ("bias", lambda w: w.flatten()),
    "MatMul": ("weight", lambda w: w.T),
}


def parameters(model: onnx.ModelProto) -> dict:
    """Every stored tensor under its parameter's name, float32."""
    found = {}
    without_recognition(model.graph)
    for tensor in model.graph.initializer:
        found[tensor.name.removesuffix(".float16")] = torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]  # equal tensors are stored once
        if node.op_type not in FOLDED:
            continue
        role, restore = FOLDED[node.op_type]
        scope = node.name.lstrip("/").split("/")[:-1]
        for name in node.input:
            if name.startswith("onnx::") and name in found:
                found[".".join([*scope, role])] = restore(found[name])
    return found


def mixing_weights(manifest: dict) -> torch.Tensor:
    """Logarithms of the UNet's own; any logarithm of weights gives the same softmax."""
    own = sum(not tap["name"].startswith(TAPS) for tap in manifest["taps"])
    return torch.tensor(manifest["mixingWeights"])[:, :own].flatten().log()


def chosen(module: torch.nn.Module, found: dict, prefix: str = "") -> dict:
    return {name: found[prefix + name].reshape(value.shape) for name, value in module.state_dict().items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="e.g. models/propagate-small")
    parser.add_argument("output", type=Path, help="the checkpoint, e.g. STATE/correspondence.pt")
    args = parser.parse_args()
    manifest = json.loads((args.model / "manifest.json").read_text())
    found = parameters(onnx.load(str(args.model / export.GRAPH)))
    found["aggregation.mixing_weights"] = mixing_weights(manifest)  # the graph takes them as an input, after the softmax
    unet = UNet2D()
    network = aggregation.for_unet(unet, len(manifest["mixingWeights"]))
    trained = manifest["training"]
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(
        args.output,
        {
            "step": trained["step"],
            "minutes": trained["minutes"],
            "log_scale": torch.tensor(-math.log(trained["temperature"])),
            "unet_average": chosen(unet, found),
            "aggregation_average": chosen(network, found, "aggregation."),
        },
    )


if __name__ == "__main__":
    main()
