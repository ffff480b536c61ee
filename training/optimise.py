"""Add to a model folder the graph that CPUs run: see fast_step.py. Ranges are measured on photographs of the folder given.

    python3 training/optimise.py models/propagate-small IMAGES
"""

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

import aggregation
import export
import fast_step
from from_model import chosen, mixing_weights, parameters
from packing import pack
from photos import EXTENSIONS
from unet import UNet2D

GRAPH = "fast.onnx"
SHORT_SIDE = 256
LONG_SIDE = 384
# Activations beyond this share of all are clipped: single large ones would make every step of the range coarser.
CLIPPED = 2e-5


def load(folder: Path, manifest: dict):
    found = parameters(onnx.load(str(folder / export.GRAPH)))
    found["aggregation.mixing_weights"] = mixing_weights(manifest)
    model = UNet2D()
    network = aggregation.for_unet(model, len(manifest["mixingWeights"]))
    model.load_state_dict({**model.state_dict(), **chosen(model, found)})
    network.load_state_dict(chosen(network, found, "aggregation."))
    return model.eval(), network.eval()


def photographs(folder: Path, count: int):
    """[1, 3, 256, 384] in -1..1, spread over the folder."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    for path in paths[:: max(1, len(paths) // count)][:count]:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None:
            image = cv2.resize(image, (LONG_SIDE, SHORT_SIDE), interpolation=cv2.INTER_AREA)[:, :, ::-1]
            yield torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


class Ranges:
    """Lowest and highest value at the input and the output of every convolution, outliers left out."""

    def __init__(self, model: UNet2D, network: aggregation.AggregationNetwork):
        self.seen = {}
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_hook(self.watch(name))
        for i, layer in enumerate(network.bottleneck_layers):
            layer[0].conv2.register_forward_hook(self.watch(f"aggregation.{i}.conv2"))

    def watch(self, name: str):
        def hook(_, inputs, output):
            for key, tensor in ((f"{name}:in", inputs[0]), (f"{name}:out", output)):
                values = tensor.flatten()
                beyond = max(1, int(CLIPPED * len(values)))
                low = torch.topk(values, beyond, largest=False).values[-1].item()
                high = torch.topk(values, beyond).values[-1].item()
                self.seen.setdefault(key, []).append((low, high))

        return hook

    def measured(self) -> dict:
        # The 90th percentile over the photographs: a single strange one must not set the range of all.
        return {
            key: (float(np.percentile([low for low, _ in seen], 10)), float(np.percentile([high for _, high in seen], 90)))
            for key, seen in self.seen.items()
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a model folder made by export.py")
    parser.add_argument("images", type=Path, help="photographs")
    parser.add_argument("--count", type=int, default=48, help="how many photographs are looked at")
    args = parser.parse_args()
    path = args.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    model, network = load(args.folder, manifest)
    fast_step.fold_timestep(model)
    ranges = Ranges(model, network)
    weights = network.mixing()[0]
    with torch.no_grad():
        for photograph in photographs(args.images, args.count):
            network(model(photograph, torch.tensor([-1.0]))[1], weights)
        graph = fast_step.build(model, network, ranges.measured())
    pack(graph.graph, eight_bits=False)
    onnx.checker.check_model(graph)
    file = args.folder / GRAPH
    onnx.save(graph, str(file))
    data = file.read_bytes()
    manifest["fastGraph"] = GRAPH
    manifest["files"][GRAPH] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{file}: {len(data) / 1e6:.1f} MB, {len(graph.graph.node)} nodes")


if __name__ == "__main__":
    main()
