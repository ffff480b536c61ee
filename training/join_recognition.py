"""Joins the recognition encoder's taps to a model folder's graphs: the last step of an export (export.sh).

The aggregated descriptor of the diffusion UNet's taps and each tap of the encoder have unit length in every cell and lie one after the other,
each times its mixing weight (the UNet's taps together: the sum of theirs). That is the paper's weighted sum over layers (section 3.2) with
bottlenecks that have channels of their own: the cosine of two cells is the weighted mean of their cosines tap by tap. The encoder's bottlenecks
are not trained: they centre a tap on its mean over the image, which says what the picture is of and not what the cell is, and keep the principal
axes over photographs.

    python3 training/join_recognition.py models/propagate-small IMAGES efficientnet-lite0-57934424.pth

Run again, it begins with the graphs' diffusion part and joins anew.
"""

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import recognition
from packing import pack, unpack
from photos import EXTENSIONS
from unet import PATCH

# Of the encoder's taps: channels that are kept, and the mixing weight.
AXES = {2: 24, 3: 64, 4: 104}
WEIGHTS = {2: 0.14, 3: 0.31, 4: 0.275}
DIFFUSION_WEIGHT = 0.275
TAPS = "recognition."  # names of taps begin with it
PREFIX = "recognition/"
DIFFUSION = PREFIX + "diffusion"  # the UNet's aggregated descriptor, before anything is joined to it
SIDE, IMAGES, CELLS = 256, 240, 64


class Taps(nn.Module):
    """RGB [B, 3, H, W] in [-1, 1] -> the encoder's taps as they are, and what is joined: [B, axes, H/4, W/4] each, of unit length."""

    def __init__(self, encoder, axes: dict):
        super().__init__()
        self.encoder = encoder
        self.bottlenecks = nn.ModuleDict({str(tap): nn.Conv2d(basis.shape[1], len(basis), 1, bias=False) for tap, basis in axes.items()})
        for tap, basis in axes.items():
            self.bottlenecks[str(tap)].weight.data = basis[:, :, None, None].clone()

    def forward(self, image):
        maps = self.encoder(image)
        raw, joined = [], []
        for tap, bottleneck in self.bottlenecks.items():
            x = maps[int(tap)]
            raw.append(x)
            x = F.normalize(bottleneck(centred(x)), dim=1)
            scale = recognition.STRIDES[int(tap)] // PATCH
            joined.append(F.normalize(F.interpolate(x, scale_factor=float(scale), mode="bilinear", align_corners=False), dim=1))
        return (*raw, *joined)


def centred(x: torch.Tensor) -> torch.Tensor:
    return F.normalize(x - x.mean((2, 3), keepdim=True), dim=1)


@torch.no_grad()
def principal_axes(encoder, folder: Path) -> dict:
    """tap -> [axes, channels], of centred cells spread over photographs."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    rng = np.random.default_rng(0)
    moments = {tap: 0 for tap in AXES}
    for path in paths[:: max(1, len(paths) // IMAGES)][:IMAGES]:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            continue
        scale = SIDE / min(image.shape[:2])
        sides = (recognition.side_for(image.shape[1], scale), recognition.side_for(image.shape[0], scale))
        pixels = np.ascontiguousarray(cv2.resize(image, sides, interpolation=cv2.INTER_AREA)[:, :, ::-1])
        maps = encoder(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1)
        for tap in AXES:
            cells = centred(maps[tap]).flatten(2)[0].T
            cells = cells[torch.from_numpy(rng.permutation(len(cells))[:CELLS])]
            moments[tap] = moments[tap] + cells.T @ cells
    return {tap: torch.linalg.eigh(moments[tap])[1].flip(1)[:, :count].T.contiguous() for tap, count in AXES.items()}


def recognition_graph(encoder, axes: dict, path: Path) -> onnx.GraphProto:
    names = [*(f"raw{tap}" for tap in axes), *(f"joined{tap}" for tap in axes)]
    image_axes = {0: "batch", 2: "height", 3: "width"}
    dynamic = {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in names}
    torch.onnx.export(
        *(Taps(encoder, axes).eval(), torch.rand(1, 3, 64, 96), str(path)),
        **{"opset_version": 17, "input_names": ["sample"], "output_names": names, "dynamic_axes": {"sample": image_axes, **dynamic}},
    )
    graph = onnx.load(str(path)).graph
    path.unlink()
    for node in graph.node:
        node.name = PREFIX + node.name.lstrip("/")
        node.input[:] = [n if n in ("", "sample") else PREFIX + n for n in node.input]
        node.output[:] = [PREFIX + n for n in node.output]
    for tensor in graph.initializer:
        tensor.name = PREFIX + tensor.name
    return graph


def without_recognition(graph: onnx.GraphProto) -> None:
    """Back to the diffusion part alone, its constants unpacked."""
    unpack(graph)
    if not any(name == DIFFUSION for node in graph.node for name in node.output):
        return
    nodes = [n for n in graph.node if not n.name.startswith(PREFIX)]
    for node in nodes:
        node.output[:] = ["hyperfeatures" if name == DIFFUSION else name for name in node.output]
    tensors = [t for t in graph.initializer if not t.name.startswith(PREFIX)]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)


def join(model: onnx.ModelProto, taps: onnx.GraphProto, mixing: list) -> None:
    graph = model.graph
    for node in graph.node:
        node.output[:] = [DIFFUSION if name == "hyperfeatures" else name for name in node.output]
    graph.node.extend(taps.node)
    graph.initializer.extend(taps.initializer)
    count = len(AXES)

    def constant(name: str, values) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(values), PREFIX + name))
        return PREFIX + name

    def add(operator: str, inputs: list, output: str, **attributes) -> str:
        name = output if output == "hyperfeatures" else PREFIX + output
        graph.node.append(helper.make_node(operator, inputs, [name], name=PREFIX + "join/" + output, **attributes))
        return name

    given = next((i for i in graph.input if i.name == "mixing_weights"), None)
    if given is None:
        share = constant("diffusion_weight", np.float32(sum(mixing[:-count])))
        weights = [constant(f"weight{tap}", np.float32(w)) for tap, w in zip(AXES, mixing[-count:])]
    else:
        # All weights in one input, as for any other model; the UNet's share is the sum of those of its taps.
        layers = len(mixing)
        given.type.tensor_type.shape.dim[0].dim_value = layers
        axis, split = constant("zero", np.array([0])), constant("split", np.array([layers - count, *[1] * count]))
        names = [PREFIX + "own_weights", *(f"{PREFIX}weight{tap}" for tap in AXES)]
        graph.node.append(helper.make_node("Split", ["mixing_weights", split], names, name=PREFIX + "join/split", axis=0))
        share, weights = add("ReduceSum", [names[0], axis], "diffusion_weight", keepdims=1), names[1:]
    length = add("ReduceL2", [DIFFUSION], "length", axes=[1], keepdims=1)
    length = add("Max", [length, constant("shortest", np.float32(1e-12))], "positive_length")
    unit = add("Div", [DIFFUSION, length], "unit")
    parts = [add("Mul", [unit, share], "diffusion_part")]
    parts += [add("Mul", [f"{PREFIX}joined{tap}", weight], f"part{tap}") for tap, weight in zip(AXES, weights)]
    add("Concat", parts, "hyperfeatures", axis=1)
    channels = next(o for o in graph.output if o.name == "hyperfeatures").type.tensor_type.shape.dim[1]
    channels.dim_value = 128 + sum(AXES.values())
    # A graph's nodes stand in the order of their use; those of a step's weights come first.
    nodes = list(graph.node)
    first = [n for n in nodes if n.name in (PREFIX + "join/split", PREFIX + "join/diffusion_weight")]
    del graph.node[:]
    graph.node.extend(first + [n for n in nodes if n not in first])
    onnx.checker.check_model(model)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="e.g. models/propagate-small")
    parser.add_argument("images", type=Path, help="photographs, for the principal axes")
    parser.add_argument("pretrained", type=Path, nargs="?", help="EfficientNet-Lite0's published weights (without: a toy's)")
    args = parser.parse_args()
    encoder = recognition.RecognitionEncoder().eval()
    if args.pretrained:
        recognition.load_pretrained(encoder, args.pretrained)
    path = args.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    own = [t for t in manifest["taps"] if not t["name"].startswith(TAPS)]
    mixing = np.array(manifest["mixingWeights"][0][: len(own)])
    mixing = [*(mixing / mixing.sum() * DIFFUSION_WEIGHT).tolist(), *WEIGHTS.values()]
    taps = recognition_graph(encoder, principal_axes(encoder, args.images), args.folder / "recognition.partial.onnx")
    for name in (manifest["graph"], manifest["fastGraph"]):
        model = onnx.load(str(args.folder / name))
        without_recognition(model.graph)
        join(model, taps, mixing)
        pack(model.graph, eight_bits=True)
        onnx.checker.check_model(model)
        onnx.save(model, str(args.folder / name))
        data = (args.folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    strides = {tap: recognition.STRIDES[tap] for tap in AXES}
    manifest["taps"] = own + [
        {"name": f"{TAPS}stride{strides[tap]}", "channels": recognition.CHANNELS[tap], "tensor": f"{PREFIX}raw{tap}"} for tap in AXES
    ]
    manifest["mixingWeights"] = [[round(w, 7) for w in mixing]]
    manifest["descriptor"]["channels"] = 128 + sum(AXES.values())
    path.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
