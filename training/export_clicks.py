"""Writes the click decoder as the ONNX graphs that the program runs: `prepare.onnx` once an image, `decode.onnx` with every click.

The encoder is not written again: it is part of the model's own graph, of which the program takes out what gives the taps.

    python3 training/export_clicks.py STATE/clicks.pt models/propagate-small
"""

import argparse
import hashlib
import json
from pathlib import Path

import onnx
import torch
from torch import nn

import recognition
from clicks import HINTS, ClickDecoder
from packing import pack

OPSET = 17
# At which the whole picture is seen (near the size of training, where clicks are understood best), and a close-up of the object.
SHORT_SIDE, CLOSE_UP_SIDE = 224, 352
MAPS = ("f2", "f4", "f8", "f16", "likeness")
# How the encoder's taps are named in the model's graph (join_recognition.py), by stride.
TAPS = {
    2: "recognition//encoder/_blocks.0/_project_conv/Conv_output_0",
    4: "recognition//encoder/_blocks.2/Add_output_0",
    8: "recognition/raw2",
    16: "recognition/raw3",
    32: "recognition/raw4",
}


class Prepare(nn.Module):
    def __init__(self, decoder: ClickDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, *taps):
        return self.decoder.prepare(taps)


class Decode(nn.Module):
    """-> the object's probability [1, 1, H/2, W/2]"""

    def __init__(self, decoder: ClickDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, f2, f4, f8, f16, likeness, hints):
        return torch.sigmoid(self.decoder.decode((f2, f4, f8, f16, likeness), hints))


@torch.no_grad()
def export(decoder: ClickDecoder, encoder, model: Path) -> None:
    graph = onnx.load(str(model / json.loads((model / "manifest.json").read_text())["graph"])).graph
    computed = {name for node in graph.node for name in node.output}
    missing = [name for name in TAPS.values() if name not in computed]
    if missing:
        raise ValueError(f"{model} computes no {missing[0]}: join_recognition.py comes first")
    folder = model / "clicks"
    folder.mkdir(parents=True, exist_ok=True)
    taps = encoder(torch.rand(1, 3, 96, 160) * 2 - 1)
    maps = decoder.prepare(taps)
    hints = torch.rand(1, HINTS, 48, 80)
    grid = lambda stride: {2: f"h{stride}", 3: f"w{stride}"}
    axes = {f"tap{stride}": grid(stride) for stride in TAPS}
    axes |= {"f2": grid(2), "f4": grid(4), "f8": grid(8), "f16": grid(16), "likeness": {2: "cells", 3: "cells"}, "hints": grid(2), "mask": grid(2)}
    files = {}
    for name, module, given, inputs, outputs in (
        ("prepare", Prepare(decoder), tuple(taps), [f"tap{stride}" for stride in TAPS], list(MAPS)),
        ("decode", Decode(decoder), (*maps, hints), [*MAPS, "hints"], ["mask"]),
    ):
        path = folder / f"{name}.onnx"
        used = {key: value for key, value in axes.items() if key in (*inputs, *outputs)}
        torch.onnx.export(module.eval(), given, str(path), opset_version=OPSET, input_names=inputs, output_names=outputs, dynamic_axes=used)
        written = onnx.load(str(path))
        pack(written.graph, eight_bits=True)
        onnx.checker.check_model(written)
        onnx.save(written, str(path))
        files[path.name] = {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest = {
        "formatVersion": 1,
        "name": "clicks",
        "kind": "clicks",
        "description": "Click decoder: makes a mask of clicks, strokes, a box and the mask so far",
        "license": "Apache-2.0",
        "taps": list(TAPS.values()),
        "prepare": "prepare.onnx",
        "decode": "decode.onnx",
        "shortSide": SHORT_SIDE,
        "closeUpSide": CLOSE_UP_SIDE,
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("model", type=Path, help="the folder of the model that the encoder is part of")
    args = parser.parse_args()
    decoder = ClickDecoder()
    decoder.load_state_dict(torch.load(args.checkpoint, map_location="cpu")["average"])
    export(decoder.eval(), recognition.RecognitionEncoder(), args.model)


if __name__ == "__main__":
    main()
