"""Short labelled sequences out of clips without labels, for the mask tracker's training on real motion.

    python3 training/label_clips.py CLIPS SNIPPETS --saliency isnet.onnx --tracker tracker.py --checkpoint tracker.pt

A salient-object network finds objects in frames one second apart; a tracker carries each frame's objects to the next
such frame and back. What returns as it left, and what the network sees at the other end, is kept; pixels on which the
passes or the network disagree are marked to be ignored. Stops anywhere and goes on where it stopped.

SNIPPETS/NAME.npz holds `frames` uint8 [T, H, W, 3] RGB and `ids` uint8 [T, H, W]: 0 background, 1..K objects, 255 ignore.
SNIPPETS/index.json lists them with their scores; SNIPPETS/sheets/NAME.png shows them.

The tracker is a Python file with `load(checkpoint: Path)`, which answers a function `track(frames, ids)`: uint8
[T, H, W, 3] RGB frames and the first one's ids, uint8 [H, W] with 0..K, to probabilities float32 [T, K + 1, H, W].
"""

import argparse
import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

# Frames from one first frame to the next (a second), and of a sequence: it ends where the next one may begin.
SPACING, LENGTH = 15, 16
# Where the whole fails its beginning is tried.
BEGINNING = 8
IGNORE = 255
MAX_OBJECTS = 4
# The network's input in the graph as published; its sides here, longer when the clip's are.
PUBLISHED_SIDE, SIDE, LONG_SIDE = 1024, 512, 768

# An object in a saliency map: of the image; white inside, and decided around it; more of the border is a crop's.
MIN_AREA, MAX_AREA, MIN_SOLID, MIN_DECIDED, MAX_ON_BORDER = 0.004, 0.65, 0.85, 0.85, 0.45
# What lies farther apart (pixels) is another object; pieces of less than this share of the largest are nobody's.
OBJECT_GAP, MIN_SHARE = 9, 0.1
# Of an object, two pixels from its edge: less is a drawing's lines.
MIN_BODY = 0.2
WHITE, BLACK = 215, 40
MIN_SALIENCY_IOU, MIN_FUSED_IOU = 0.75, 0.85
# How much of an object must return: alone, and where the network's map agrees as much as this.
MIN_RETURN_IOU, MIN_SEEN_RETURN_IOU, SEEN_IOU = 0.85, 0.72, 0.8
# A probability nearer to one half than this is nobody's knowledge.
DOUBT = 0.2
MIN_LAST_PIXELS = 30
# Pieces of less than this share of their object are nobody's knowledge either.
SPECK = 0.05
# Mean change of a pixel (of 255) at 64 x 36 that cuts a clip, and how far above its surroundings.
CUT_CHANGE, CUT_RATIO = 18, 3
# Below this mean change every second frame is a sequence, too.
SLOW_CHANGE = 6


class Saliency:
    """Maps of an ISNet graph (1 x 3 x 1024 x 1024, pixels (x - 128) / 256), each computed once and kept as PNG."""

    def __init__(self, graph: Path, cache: Path, threads: int):
        self.graph, self.cache, self.threads, self.sessions = graph, cache, threads, {}

    def session(self, height: int, width: int):
        """The published graph knows one size; its resizes have the others written into them."""
        if (height, width) not in self.sessions:
            model = onnx.load(str(self.graph))
            del model.graph.output[1:], model.graph.value_info[:]
            producer = {name: node for node in model.graph.node for name in node.output}
            constants = {}
            for node in (n for n in model.graph.node if n.op_type == "Resize"):
                sizes = producer[producer[node.input[3]].input[-1]]
                while sizes.op_type == "Cast":
                    sizes = producer[sizes.input[0]]
                constants[sizes.output[0]] = sizes.attribute[0].t
            scale = np.array([height, width]) / PUBLISHED_SIDE
            for tensor in constants.values():
                tensor.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(tensor) * scale).astype(np.int64)))
            for value in (model.graph.input[0], model.graph.output[0]):
                for axis, side in ((2, height), (3, width)):
                    value.type.tensor_type.shape.dim[axis].dim_value = side
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            self.sessions[height, width] = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return self.sessions[height, width]

    def __call__(self, clip: "Clip", frame: int) -> np.ndarray:
        """uint8 [H, W], 255 where the object is."""
        path = self.cache / f"{clip.name}-{frame:04d}.png"
        if path.exists():
            return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        image = clip.frames[frame]
        height, width = image.shape[:2]
        long = LONG_SIDE if max(height, width) > 1.25 * min(height, width) else SIDE
        sides = (long, SIDE) if height > width else (SIDE, long)
        pixels = cv2.resize(image, sides[::-1], interpolation=cv2.INTER_LINEAR)
        pixels = np.ascontiguousarray(((pixels.astype(np.float32) - 128) / 256).transpose(2, 0, 1)[None])
        (out,) = self.session(*sides).run(None, {"input": pixels})
        out = cv2.resize(out[0, 0], (width, height), interpolation=cv2.INTER_AREA)
        out = np.round(out.clip(0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(path), out)
        return out


class Clip:
    """`frames` uint8 [N, H, W, 3] RGB; `cuts`: frames that begin a shot; `change`: how much each frame differs from the one before."""

    def __init__(self, path: Path):
        self.name = path.stem
        video, frames = cv2.VideoCapture(str(path)), []
        while (read := video.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        self.frames = np.stack(frames)
        small = np.stack([cv2.resize(f, (64, 36), interpolation=cv2.INTER_AREA) for f in frames]).astype(np.float32)
        self.change = np.concatenate([[0], np.abs(np.diff(small, axis=0)).mean((1, 2, 3))])
        around = [np.median(self.change[max(1, i - 8) : i + 9]) for i in range(1, len(frames))]
        self.cuts = [i for i, m in enumerate(around, 1) if self.change[i] > max(CUT_CHANGE, CUT_RATIO * m)]


def disc(diameter: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))


def find_objects(saliency: np.ndarray) -> np.ndarray:
    """ids uint8 [H, W] of the clear objects of a saliency map, largest first; what is neither object nor background is to be ignored."""
    mask = (saliency > 127).astype(np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(mask, disc(OBJECT_GAP)))
    labels[mask == 0] = 0
    areas = np.bincount(labels.ravel(), minlength=count)[1:] / mask.size
    ids, found = np.where(saliency > BLACK, IGNORE, 0).astype(np.uint8), 0
    for k in 1 + np.argsort(-areas):
        if areas[k - 1] < max(MIN_AREA, MIN_SHARE * areas.max()) or found == MAX_OBJECTS:
            break
        piece = (labels == k).astype(np.uint8)
        around = (cv2.dilate(piece, disc(2 * OBJECT_GAP + 1)) > 0) & (piece == 0)
        # The edge itself is grey in any map.
        outside, inside = around & (cv2.dilate(piece, disc(7)) == 0), cv2.erode(piece, disc(5)) > 0
        border = np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]]).mean()
        if inside.sum() < MIN_BODY * piece.sum():
            continue
        solid = (saliency[inside] > WHITE).mean()
        decided = (saliency[outside] < BLACK).mean() if outside.any() else 1
        if areas[k - 1] < MAX_AREA and solid > MIN_SOLID and decided > MIN_DECIDED and border < MAX_ON_BORDER:
            found += 1
            ids[piece > 0] = found
            ids[around & (saliency <= 127) & (ids == IGNORE)] = 0
    return ids


def count_objects(ids: np.ndarray) -> int:
    return int(ids[ids < IGNORE].max())


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def seen_of(objects: np.ndarray, saliency: np.ndarray):
    """The saliency map (0 to 1) of the clear objects that lie on the tracked ones, bool [H, W]; None where it misses them."""
    ids = find_objects(saliency)
    on = [k for k in range(1, count_objects(ids) + 1) if objects[ids == k].mean() > 0.3]
    chosen = np.isin(ids, on)
    if (chosen & objects).sum() < 0.5 * objects.sum():
        return None
    return np.where(cv2.dilate(chosen.astype(np.uint8), disc(OBJECT_GAP)) > 0, saliency, 0).astype(np.float32) / 255


def pick(probabilities: np.ndarray, kept: list) -> np.ndarray:
    """Probabilities [T, 1 + len(kept), H, W] of the kept objects; the others become background."""
    objects = probabilities[:, kept]
    return np.concatenate([1 - objects.sum(1, keepdims=True), objects], 1)


def renumber(ids: np.ndarray, kept: list) -> np.ndarray:
    out = np.where(ids == IGNORE, IGNORE, 0).astype(np.uint8)
    for i, k in enumerate(kept, 1):
        out[ids == k] = i
    return out


def ignore_specks(ids: np.ndarray, count: int) -> None:
    """Marks stray pieces of the objects in ids uint8 [H, W], in place."""
    for k in range(1, count + 1):
        pieces, labels, stats, _ = cv2.connectedComponentsWithStats((ids == k).astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA].copy()
        areas[0] = 0
        ids[np.isin(labels, [i for i in range(1, pieces) if areas[i] < SPECK * areas.sum()])] = IGNORE


def label(frames: np.ndarray, first: np.ndarray, forward: np.ndarray, seen: dict, track):
    """(ids uint8 [T, H, W], scores) of the objects that come back as they left; ids are None where none does.

    `forward`: probabilities [T, K + 1, H, W] from the first frame on. `seen`: saliency maps uint8 [H, W] by position.
    """
    scores, fusable = {"return": [], "saliency": []}, {}
    for t, saliency in seen.items():
        objects = forward[t, 0] < 0.5
        if objects.any() and (soft := seen_of(objects, saliency)) is not None:
            scores["saliency"].append(round(iou(objects, soft > 0.5), 3))
            if scores["saliency"][-1] >= MIN_FUSED_IOU:
                fusable[t] = soft
    if min(scores["saliency"], default=1) < MIN_SALIENCY_IOU:
        return None, scores
    end = forward[-1].argmax(0).astype(np.uint8)
    count = forward.shape[1] - 1
    present = [k for k in range(1, count + 1) if (end == k).sum() >= MIN_LAST_PIXELS]
    if not present:
        return None, scores
    backward = track(frames[::-1], renumber(end, present))[::-1]
    returned = backward[0].argmax(0)
    known = first != IGNORE
    scores["return"] = [round(iou((returned == i) & known, first == k), 3) for i, k in enumerate(present, 1)]
    seen_well = min(scores["saliency"], default=0) >= SEEN_IOU
    least = MIN_SEEN_RETURN_IOU if seen_well else MIN_RETURN_IOU
    stay = [i for i, score in enumerate(scores["return"], 1) if score >= least]
    if not stay:
        return None, scores
    kept = [present[i - 1] for i in stay]
    forward, backward = pick(forward, kept), pick(backward, stay)
    mean = (forward + backward) / 2
    if len(kept) == count:
        for t, soft in fusable.items():
            objects = 1 - mean[t, :1]
            fused = (objects + soft) / 2
            mean[t] = np.concatenate([1 - fused, mean[t, 1:] * fused / np.maximum(objects, 1e-3)])
    ids = mean.argmax(1).astype(np.uint8)
    ids[mean.max(1) < 0.5 + DOUBT] = IGNORE
    for frame in ids:
        ignore_specks(frame, len(kept))
    ids[0] = np.where(first == IGNORE, IGNORE, renumber(first, kept))
    return ids, scores


def runs(clip: Clip, starts: list):
    """Frame indices of the sequences to try, slow ones at half the rate; neighbours lie far apart in the list."""
    found = []
    for start in starts:
        for step in (2, 1):
            indices = list(range(start, start + step * (LENGTH - 1) + 1, step))
            inside = 0 <= start and indices[-1] < len(clip.frames)
            if not inside or any(indices[0] < cut <= indices[-1] for cut in clip.cuts):
                continue
            if step == 1 or clip.change[indices[0] + 1 : indices[-1] + 1].mean() < SLOW_CHANGE:
                found.append(indices)
                break
    stride = next((s for s in (5, 3, 7, 2) if len(found) % s), 1)
    return [found[i * stride % len(found)] for i in range(len(found))]


def sheet(frames: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """BGR picture of six of the frames with their objects in colour and what is ignored in grey."""
    colours = np.array([[0, 0, 0], [60, 60, 255], [60, 220, 60], [255, 120, 40], [30, 220, 240]], np.float32)
    tiles = []
    for t in np.linspace(0, len(frames) - 1, 6).astype(int):
        tile, mask = frames[t, :, :, ::-1].astype(np.float32), ids[t]
        colour = np.where((mask == IGNORE)[..., None], 160, colours[np.where(mask == IGNORE, 0, mask)])
        tile = np.where((mask > 0)[..., None], 0.45 * tile + 0.55 * colour, tile)
        tiles.append(cv2.resize(tile, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8))
    return np.concatenate(tiles, 1)


def write(path: Path, save) -> None:
    """A file that is whole or not there."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    save(temporary)
    temporary.rename(path)


class Snippets:
    """The folder: what was kept and what was tried in vain, both known again after a stop."""

    def __init__(self, folder: Path, excluded: list):
        self.folder, self.excluded = folder, tuple(excluded)
        (folder / "sheets").mkdir(parents=True, exist_ok=True)
        self.kept, self.rejected = self.read("index.json"), self.read("rejected.json")
        self.kept = [entry for entry in self.kept if not entry["name"].startswith(self.excluded)]

    def read(self, name: str) -> list:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else []

    def names(self) -> set:
        return {entry["name"] for entry in self.kept + self.rejected}

    def save(self) -> None:
        for name, entries in (("index.json", self.kept), ("rejected.json", self.rejected)):
            write(self.folder / name, lambda path, text=json.dumps(entries, indent=1): path.write_text(text))

    def add(self, entry: dict, frames: np.ndarray, ids) -> None:
        if ids is None:
            self.rejected.append(entry)
            return self.save()
        frames = frames[: len(ids)]

        def save(path: Path) -> None:
            with open(path, "wb") as out:
                np.savez(out, frames=frames, ids=ids)

        write(self.folder / f"{entry['name']}.npz", save)
        cv2.imwrite(str(self.folder / "sheets" / f"{entry['name']}.png"), sheet(frames, ids))
        length, height, width = ids.shape
        sizes = {"T": length, "H": height, "W": width, "K": count_objects(ids)}
        self.kept.append({**entry, **sizes, "ignored": round(float((ids == IGNORE).mean()), 4)})
        self.save()


def load_tracker(module: Path, checkpoint: Path):
    spec = importlib.util.spec_from_file_location(module.stem, module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.load(checkpoint)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of .mp4 files without labels")
    parser.add_argument("snippets", type=Path, help="folder to write, or to go on with")
    parser.add_argument("--saliency", type=Path, required=True, help="ISNet as ONNX")
    parser.add_argument("--tracker", type=Path, required=True, help="Python file with load(checkpoint)")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--each", type=int, default=8, help="sequences tried of a clip, at most")
    parser.add_argument("--looks", type=int, default=1, help="frames after the first on which the network looks, too")
    parser.add_argument("--first", type=Path, help="folder of masks by hand, CLIP-FRAME.png (4 digits, grey = id): instead of the network's")
    parser.add_argument("--exclude", type=Path, help="names, or beginnings of names, not to keep: one a line")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    excluded = args.exclude.read_text().split() if args.exclude else []
    snippets = Snippets(args.snippets, excluded)
    (args.snippets / "saliency").mkdir(exist_ok=True)
    saliency = Saliency(args.saliency, args.snippets / "saliency", args.threads)
    track = load_tracker(args.tracker, args.checkpoint)
    paths = [p for p in sorted(args.clips.glob("*.mp4")) if not p.stem.startswith(tuple(excluded))]
    done = snippets.names()
    # One sequence of every clip, then the second of every clip: whenever it is stopped, all clips have their share.
    for round_ in range(args.each):
        for path in paths:
            clip = Clip(path)
            by_hand = {int(p.stem[-4:]): p for p in args.first.glob(f"{clip.name}-[0-9]*.png")} if args.first else {}
            last = len(clip.frames) - LENGTH
            planned = runs(clip, sorted(by_hand) or [*range(0, last, SPACING), last])
            if round_ >= len(planned):
                continue
            indices = planned[round_]
            name = f"{clip.name}-{indices[0]:04d}x{indices[1] - indices[0]}"
            if name in done or name.startswith(tuple(excluded)):
                continue
            entry = {"name": name, "clip": clip.name, "start": indices[0], "step": indices[1] - indices[0]}
            if by_hand:
                first = cv2.imread(str(by_hand[indices[0]]), cv2.IMREAD_GRAYSCALE)
            else:
                first = find_objects(saliency(clip, indices[0]))
            if not count_objects(first):
                indices = indices[::-1]
                first = find_objects(saliency(clip, indices[0]))
            entry["reversed"] = indices[-1] < indices[0]
            frames, ids = clip.frames[indices], None
            if count_objects(first):
                forward = track(frames, np.where(first == IGNORE, 0, first))
                for length in (LENGTH, BEGINNING):
                    positions = np.linspace(0, length - 1, args.looks + 1).round().astype(int)[1:]
                    seen = {} if by_hand else {int(t): saliency(clip, indices[t]) for t in positions}
                    ids, scores = label(frames[:length], first, forward[:length], seen, track)
                    entry.update(scores)
                    if ids is not None:
                        break
            snippets.add(entry, frames, ids)
            print(f"{name}: {'rejected' if ids is None else len(ids)} {entry.get('return')} {entry.get('saliency')}", flush=True)


if __name__ == "__main__":
    main()
