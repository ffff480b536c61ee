"""Write models/<name>/: UNet and aggregation network as one ONNX graph, and the manifest that describes it."""

import argparse
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

import aggregation
import schedule
from packing import pack
from unet import CHANNELS, PATCH, UNet2D

OPSET = 17
GRAPH = "step.onnx"
DESCRIPTION = "Small pixel-space diffusion UNet with its aggregation network, for carrying masks through video on a CPU"


class Step(nn.Module):
    """One model call of DDIM inversion: the noise prediction, and this step's share of the hyperfeatures."""

    def __init__(self, unet: UNet2D, network: aggregation.AggregationNetwork):
        super().__init__()
        self.unet, self.aggregation = unet, network

    def forward(self, sample, timestep, mixing_weights):
        noise, taps = self.unet(sample, timestep)
        return noise, self.aggregation(taps, mixing_weights)


def drop_unet_scope(name: str) -> str:
    """Names as in an export of the UNet alone: `/up_blocks.0/...`, `up_blocks.0...`."""
    return name.replace("/unet/", "/", 1) if name.startswith("/unet/") else name.removeprefix("unet.")


def rename(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        node.name = drop_unet_scope(node.name)
        node.input[:] = [drop_unet_scope(n) for n in node.input]
        node.output[:] = [drop_unet_scope(n) for n in node.output]
    for tensor in graph.initializer:
        tensor.name = drop_unet_scope(tensor.name)
    for value in graph.value_info:
        value.name = drop_unet_scope(value.name)


def tap_tensors(graph: onnx.GraphProto, unet: UNet2D) -> list:
    outputs = {name for node in graph.node for name in node.output}
    tensors = [f"/{name.replace('.resnets.', '/resnets.')}/conv2/Conv_output_0" for name in unet.tap_names()[:-1]]
    tensors.append("/Conv_output_0")  # the unshuffle, the only convolution outside every module
    missing = [t for t in tensors if t not in outputs]
    if missing:
        raise RuntimeError(f"taps not found in the graph: {missing}")
    return tensors


def export(unet: UNet2D, network: aggregation.AggregationNetwork, trained: dict, folder: Path, half: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / GRAPH
    inputs = (torch.randn(1, 3, 64, 96), torch.tensor([-1.0]), network.mixing()[0].detach())
    image_axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        Step(unet, network).eval(),
        inputs,
        str(path),
        opset_version=OPSET,
        input_names=["sample", "timestep", "mixing_weights"],
        output_names=["noise_pred", "hyperfeatures"],
        dynamic_axes={
            "sample": image_axes,
            "timestep": {0: "batch"},
            "noise_pred": image_axes,
            "hyperfeatures": {0: "batch", 2: "grid_height", 3: "grid_width"},
        },
    )
    model = onnx.load(str(path))
    rename(model.graph)
    tensors = tap_tensors(model.graph, unet)
    if half:
        pack(model.graph, eight_bits=False)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    taps = [{"name": n, "channels": c, "tensor": t} for n, c, t in zip(unet.tap_names(), unet.tap_channels(), tensors)]
    manifest = {
        "formatVersion": 1,
        "name": folder.name,
        "kind": "diffusion",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "graph": GRAPH,
        "space": {"kind": "pixel"},
        "image": {
            "resize": {"mode": "fit", "shortSide": 256, "multiple": PATCH * 2 ** (len(CHANNELS) - 1)},
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
        "schedule": {
            "trainTimesteps": schedule.TRAIN_TIMESTEPS,
            "betaStart": schedule.BETA_START,
            "betaEnd": schedule.BETA_END,
            "betaSchedule": "scaled_linear",
            "steps": network.steps,
            "saveTimesteps": list(range(network.steps))[::-1],
        },
        "descriptor": {"channels": aggregation.WIDTH, "grid": {"mode": "stride", "stride": PATCH}},
        "taps": taps,
        "mixingWeights": [[round(w, 7) for w in row] for row in network.mixing().tolist()],
        "training": trained,
        "files": {GRAPH: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def load(checkpoint: Path):
    """The moving averages of UNet and aggregation network; a diffusion checkpoint has a fresh aggregation network."""
    saved = torch.load(checkpoint, map_location="cpu")
    unet = UNet2D()
    unet.load_state_dict({k: v.float() for k, v in saved["unet_average"].items()})
    network = aggregation.for_unet(unet, saved.get("steps_saved", 1))
    if "aggregation_average" in saved:
        network.load_state_dict({k: v.float() for k, v in saved["aggregation_average"].items()})
    return unet.eval(), network.eval()


def trained_for(checkpoint: Path) -> dict:
    """What from_model.py needs to go on, and readers want to know: correspondence steps, minutes, softmax temperature."""
    saved = torch.load(checkpoint, map_location="cpu")
    log_scale = saved.get("log_scale", torch.tensor(math.log(1 / 0.07)))
    return {"step": saved["step"], "minutes": round(saved["minutes"], 1), "temperature": round((-log_scale).exp().item(), 5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="e.g. models/propagate-small")
    parser.add_argument("--float32", action="store_true", help="do not store the weights as float16")
    args = parser.parse_args()
    torch.manual_seed(0)
    unet, network = load(args.checkpoint)
    with torch.no_grad():
        export(unet, network, trained_for(args.checkpoint), args.folder, half=not args.float32)


if __name__ == "__main__":
    main()
