"""Writes the tracker as the ONNX graphs that the program runs: `encode.onnx` once a frame, `step.onnx` and `memorise.onnx` for its objects.

What a frame keeps for long is laid out so that frames are put one behind the other, a row for each cell at stride 16: keys [n, 64], descriptors
[n, channels], shares [n, N + 1] and what is read of it [n, N * 48 + N + 1]. The last frame is read at stride 8, as maps.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from packing import pack
from tracker import VALUE, Tracker, pooled, readable

OPSET = 13
SHORT_SIDE = {"fast": 256, "balanced": 320, "best": 384}


class Encode(nn.Module):
    """RGB [1, 3, H, W] in [-1, 1] -> maps [1, C, h, w]."""

    outputs = ("value8", "decode8", "decode16", "decode4", "decode2", "key", "descriptor")

    def __init__(self, tracker: Tracker):
        super().__init__()
        self.tracker = tracker

    def forward(self, image):
        maps = self.tracker.encode(image)
        return tuple(maps[name] for name in self.outputs)


class Memorise(nn.Module):
    """A frame's maps and its objects' masks -> what is read of it [1, N * 48 + N + 1, h8, w8], and its rows at stride 16."""

    inputs = ("value8", "key", "descriptor", "mask")
    outputs = ("read", "key_rows", "descriptor_rows", "read_rows", "share_rows")

    def __init__(self, tracker: Tracker):
        super().__init__()
        self.tracker = tracker

    def forward(self, value8, key, descriptor, mask):
        kept = self.tracker.memorise({"value8": value8, "key": key, "descriptor": descriptor}, None, mask)
        read = readable(kept["value"], kept["mask"])
        small = pooled({"key": key, "descriptor": descriptor, "read": read})
        return read, small["key"], small["descriptor"], small["read"], small["read"][:, mask.shape[0] * VALUE :]


class Step(nn.Module):
    """One frame's read and decode for all its objects -> logits [N, 1, h2, w2], quality [N]."""

    inputs = (
        *("decode8", "decode16", "decode4", "decode2", "key", "descriptor", "memory_key", "memory_read", "first_key", "first_descriptor", "first_share"),
        *("last_key", "last_descriptor", "last_read", "last_key_rows", "last_descriptor_rows", "last_read_rows", "last", "gain"),
    )

    def __init__(self, tracker: Tracker):
        super().__init__()
        self.tracker = tracker

    def forward(self, d8, d16, d4, d2, key, descriptor, mk, mr, fk, fd, fs, lk, ld, lr, far_key, far_descriptor, far_read, last, gain):
        first = {"key": fk, "descriptor": fd, "share": fs}
        newest = {"key": lk, "descriptor": ld, "read": lr}
        far = {"key": far_key, "descriptor": far_descriptor, "read": far_read}
        value, channels = self.tracker.read_rows(key, descriptor, {"key": mk, "read": mr}, first, newest, far, last.shape[0], gain)
        maps = {"decode8": d8, "decode16": d16, "decode4": d4, "decode2": d2}
        return self.tracker.decode(maps, None, {"value": value, "channels": channels}, last)


def fold_pads(path: Path) -> None:
    """Pad nodes before convolutions become the convolutions' own padding, which costs no copy of the map."""
    model = onnx.load(str(path))
    graph = model.graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    constants |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    makers = {n.output[0]: n for n in graph.node}
    for node in graph.node:
        pad = makers.get(node.input[0]) if node.op_type == "Conv" else None
        if pad is None or pad.op_type != "Pad" or pad.input[1] not in constants:
            continue
        amounts = constants[pad.input[1]].tolist()
        attribute = next(a for a in node.attribute if a.name == "pads")
        attribute.CopyFrom(helper.make_attribute("pads", [amounts[2], amounts[3], amounts[6], amounts[7]]))
        node.input[0] = pad.input[0]
    used = {name for n in graph.node for name in n.input} | {o.name for o in graph.output}
    for node in [n for n in graph.node if n.op_type == "Pad" and n.output[0] not in used]:
        graph.node.remove(node)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


@torch.no_grad()
def export(tracker: Tracker, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    encode, memorise, step = (part(tracker).eval() for part in (Encode, Memorise, Step))
    height, width, objects, frames = 96, 160, 2, 3
    image = torch.rand(1, 3, height, width) * 2 - 1
    maps = dict(zip(Encode.outputs, encode(image)))
    mask = torch.rand(objects, 1, height // 2, width // 2)
    memorised = (maps["value8"], maps["key"], maps["descriptor"], mask)
    read, key_rows, descriptor_rows, read_rows, share_rows = memorise(*memorised)
    older = (key_rows.repeat(frames, 1), read_rows.repeat(frames, 1), key_rows, descriptor_rows, share_rows)
    newest = (maps["key"], maps["descriptor"], read, key_rows, descriptor_rows, read_rows)
    feeds = (*(maps[name] for name in Step.inputs[:6]), *older, *newest, mask, torch.ones(1))

    grid = lambda stride: {2: f"h{stride}", 3: f"w{stride}"}
    axes = {"image": {2: "height", 3: "width"}, "quality": {0: "objects"}, "read": {1: "values", **grid(8)}}
    axes |= {"value8": grid(8), "decode8": grid(8), "decode16": grid(16), "decode4": grid(4), "decode2": grid(2)}
    axes |= {"key": grid(8), "descriptor": {1: "channels", **grid(8)}}
    axes |= {"last_key": grid(8), "last_descriptor": {1: "channels", **grid(8)}, "last_read": {1: "values", **grid(8)}}
    axes |= {name: {0: "objects", **grid(2)} for name in ("mask", "last", "logits")}
    axes |= {"memory_key": {0: "memory"}, "memory_read": {0: "memory", 1: "values"}, "first_key": {0: "painted"}}
    axes |= {"first_descriptor": {0: "painted", 1: "channels"}, "first_share": {0: "painted", 1: "shares"}}
    for rows in ("", "last_"):
        axes |= {f"{rows}key_rows": {0: "cells"}, f"{rows}descriptor_rows": {0: "cells", 1: "channels"}, f"{rows}read_rows": {0: "cells", 1: "values"}}
    axes |= {"share_rows": {0: "cells", 1: "shares"}}
    files = {}
    for name, module, inputs, outputs, given in (
        ("encode", encode, ("image",), Encode.outputs, (image,)),
        ("memorise", memorise, Memorise.inputs, Memorise.outputs, memorised),
        ("step", step, Step.inputs, ("logits", "quality"), feeds),
    ):
        path = folder / f"{name}.onnx"
        used = {key: value for key, value in axes.items() if key in (*inputs, *outputs)}
        torch.onnx.export(module, given, str(path), opset_version=OPSET, input_names=list(inputs), output_names=list(outputs), dynamic_axes=used)
        fold_pads(path)
        model = onnx.load(str(path))
        pack(model.graph, eight_bits=False)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        files[path.name] = {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest = {
        "formatVersion": 1,
        "name": folder.name,
        "kind": "tracker",
        "description": "Mask tracker: recognition encoder, memory and mask decoder, for carrying masks through video on a CPU",
        "license": "Apache-2.0",
        **{name: f"{name}.onnx" for name in ("encode", "step", "memorise")},
        "shortSide": SHORT_SIDE,
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    stored = torch.load(args.checkpoint, map_location="cpu")
    tracker = Tracker()
    tracker.load_state_dict(stored.get("average", stored))
    export(tracker, args.folder)


if __name__ == "__main__":
    main()
