"""Makes the convolutions of an exported tracker 8-bit integers, with ranges measured on snippets of clips (label_clips.py).

    pip install onnx onnxruntime opencv-python-headless
    python3 training/quantise_tracker.py models/propagate-small/tracker SNIPPETS

Similarities, softmaxes and norms stay float32. Weights have seven bits wherever that costs nothing: products of those don't overflow on processors
without VNNI, which have to take a slower way else. Where a convolution reads several maps put one behind the other it becomes a sum of convolutions,
one for each map with a range of its own: labels lie in 0..1 beside features of ten times that, and would be left with a handful of steps. Thin maps
(masks, labels) stay float32.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

MAPS = ("value8", "decode8", "decode16", "decode4", "decode2", "key", "descriptor")
THIN = 16  # channels below which a map is not worth rounding
FLOAT = ("/out/", "/key/")  # convolutions whose output is an answer
# Those whose weights need all eight bits: with seven, descriptors are 37 % off instead of 22 %.
FINE = ("_conv_stem", "_depthwise_conv", "_project_conv")
FRAMES, SNIPPETS = (3, 6, 10), 12


class Memory:
    """The tracker on onnxruntime, one object after the other: what its graphs are fed with on real frames."""

    def __init__(self, folder: Path, short_side: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.encode, self.memorise, self.step = (
            onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options) for name in ("encode", "memorise", "step")
        )
        self.short_side = short_side

    def image(self, frame):
        scale = self.short_side / min(frame.shape[:2])
        height, width = (max(32, round(side * scale / 32) * 32) for side in frame.shape[:2])
        pixels = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)

    def keep(self, maps, masks):
        found = self.memorise.run(None, {**{name: maps[name] for name in ("value8", "key", "descriptor")}, "mask": masks})
        names = [output.name for output in self.memorise.get_outputs()]
        return {**dict(zip(names, found)), "key": maps["key"], "descriptor": maps["descriptor"]}

    def feeds(self, frames, ids):
        """What `encode` and `step` read in FRAMES of a snippet, through the tracker's own masks."""
        for index, frame in enumerate(frames):
            image = {"image": self.image(frame)}
            maps = dict(zip(MAPS, self.encode.run(None, image)))
            if index == 0:
                height, width = maps["decode2"].shape[-2:]
                objects = [i for i in np.unique(ids) if 0 < i < 255]
                masks = np.stack([cv2.resize((ids == i).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for i in objects])[:, None]
                first = last = self.keep(maps, masks)
                continue
            read = {
                **{name: maps[name] for name in MAPS if name != "value8"},
                **{"memory_key": first["key_rows"], "memory_read": first["read_rows"]},
                **{"first_key": first["key_rows"], "first_descriptor": first["descriptor_rows"], "first_share": first["share_rows"]},
                **{"last_key": last["key"], "last_descriptor": last["descriptor"], "last_read": last["read"]},
                **{f"last_{name}": last[name] for name in ("key_rows", "descriptor_rows", "read_rows")},
                **{"last": masks, "gain": np.ones(1, np.float32)},
            }
            if index in FRAMES:
                yield image, read
            masks = (1 / (1 + np.exp(-self.step.run(["logits"], read)[0]))).astype(np.float32)
            last = self.keep(maps, masks)


class Given(CalibrationDataReader):
    def __init__(self, feeds: list):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def split_joined(graph, channels: dict) -> None:
    """A convolution of maps put one behind the other -> the sum of a convolution for each; thin maps stay together. `channels` of each map."""
    makers = {name: node for node in graph.node for name in node.output}
    weights = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Conv"]:
        joined = makers.get(node.input[0])
        if joined is None or joined.op_type != "Concat" or node.input[1] not in weights:
            continue
        weight = weights[node.input[1]]
        sizes = [channels[name] for name in joined.input]
        parts, at, thin = [], 0, []
        for name, size in zip(joined.input, sizes):
            (thin if size < THIN else parts).append(([name], [slice(at, at + size)]))
            at += size
        if thin:
            parts.append(([n for names, _ in thin for n in names], [s for _, slices in thin for s in slices]))
        place = list(graph.node).index(node)
        made, terms = [], []
        for i, (names, slices) in enumerate(parts):
            part = f"{node.name}/part{i}"
            source = names[0]
            if len(names) > 1:
                source = f"{part}_input"
                made.append(helper.make_node("Concat", names, [source], name=f"{part}/Concat", axis=1))
            graph.initializer.append(numpy_helper.from_array(np.concatenate([weight[:, s] for s in slices], 1), f"{part}_weight"))
            inputs = [source, f"{part}_weight", *([node.input[2]] if i == 0 and len(node.input) > 2 else [])]
            is_thin = i == len(parts) - 1 and bool(thin)
            conv = helper.make_node("Conv", inputs, [f"{part}_output"], name=f"{part}/{'thin' if is_thin else 'Conv'}")
            conv.attribute.extend(node.attribute)
            made.append(conv)
            terms.append(f"{part}_output")
        for i, term in enumerate(terms[1:]):
            total = node.output[0] if i == len(terms) - 2 else f"{node.name}/sum{i}"
            made.append(helper.make_node("Add", [terms[0], term], [total], name=f"{node.name}/add{i}"))
            terms[0] = total
        graph.node.remove(node)
        for offset, new in enumerate(made):
            graph.node.insert(place + offset, new)


def measured_channels(model, feed: dict, work: Path) -> dict:
    """Channels of every map that a Concat reads, as they are with a feed: a graph of any size doesn't tell all of its shapes."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    known = {output.name for output in model.graph.output} | set(feed) | {i.name for i in model.graph.initializer}
    names = {name for node in model.graph.node if node.op_type == "Concat" for name in node.input} - known
    probe.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    path = work / "probe.onnx"
    onnx.save(probe, str(path))
    session = onnxruntime.InferenceSession(str(path))
    outputs = [output.name for output in session.get_outputs()]
    found = {**feed, **dict(zip(outputs, session.run(outputs, feed)))}
    return {name: value.shape[1] for name, value in found.items() if value.ndim == 4}


def quantise(folder: Path, name: str, feeds: list, work: Path) -> None:
    plain, split = work / f"{name}.onnx", work / f"{name}-split.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options)
    model = onnx.load(str(plain))
    split_joined(model.graph, measured_channels(model, feeds[0], work))
    onnx.save(model, str(split))
    kinds = ["Conv", "Clip"] if name == "encode" else ["Conv"]
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    kept = [n.name for n in convolutions if n.name.endswith("/thin") or any(part in n.name for part in FLOAT)]
    coarse = [n.input[1] for n in convolutions if n.name not in kept and not any(part in n.name for part in FINE)]
    seven_bits = {weight: [{"quant_type": QuantType.QInt8, "axis": 0, "reduce_range": True}] for weight in coarse}
    quantize_static(
        str(split), str(folder / f"{name}.onnx"), Given(feeds),
        quant_format=QuantFormat.QDQ, op_types_to_quantize=kinds, nodes_to_exclude=kept, per_channel=True,
        weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax, extra_options={"CalibMovingAverage": True, "TensorQuantOverrides": seven_bits},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="made by export_tracker.py")
    parser.add_argument("snippets", type=Path, help="folder of label_clips.py")
    args = parser.parse_args()
    path = args.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    memory = Memory(args.folder, manifest["shortSide"]["balanced"])
    index = json.loads((args.snippets / "index.json").read_text())
    feeds = []
    for entry in index[:: max(1, len(index) // SNIPPETS)][:SNIPPETS]:
        with np.load(args.snippets / f"{entry['name']}.npz") as stored:
            ids = stored["ids"][0]
            if ((ids > 0) & (ids < 255)).any():
                feeds.extend(memory.feeds(stored["frames"][: max(FRAMES) + 1], ids))
    with tempfile.TemporaryDirectory() as work:
        quantise(args.folder, "encode", [image for image, _ in feeds], Path(work))
        quantise(args.folder, "step", [read for _, read in feeds], Path(work))
    for name in ("encode.onnx", "step.onnx"):
        data = (args.folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        print(f"{name}: {len(data) / 1e6:.1f} MB")
    path.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
