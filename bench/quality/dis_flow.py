"""Baseline: the first mask warped from frame to frame along dense optical flow (DIS, Kroeger et al. 2016; OpenCV).

    python3 bench/quality/dis_flow.py DAVIS_ROOT OUT [SEQUENCE ...]

Writes OUT/SEQUENCE/00000.png ... (indexed) and prints a JSON line with the seconds each sequence took.
"""

import json
import pathlib
import sys
import time

import cv2
import numpy as np
from PIL import Image


def read_mask(path):
    """Soft layers [objects + 1, H, W], background first; a mask of one object has it where it is not 0."""
    ids = np.asarray(Image.open(path))
    if len(np.unique(ids[ids > 0])) == 1:
        ids = (ids > 0).astype(np.uint8)
    return np.stack([(ids == i).astype(np.float32) for i in range(ids.max() + 1)])


def propagate(frames, layers, on_mask):
    """Each frame's layers are the previous frame's, sampled where the backward flow (new to old) points."""
    flow_method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    previous = None
    for index, path in enumerate(frames):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if previous is None:
            y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
        else:
            flow = flow_method.calc(grey, previous, None)
            layers = np.stack(
                [
                    cv2.remap(layer, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                    for layer in layers
                ]
            )
        on_mask(index, layers.argmax(0).astype(np.uint8))
        previous = grey


def main(root, out, *wanted):
    annotations = pathlib.Path(root, "Annotations", "480p")
    for sequence in wanted or sorted(path.name for path in annotations.iterdir()):
        frames = sorted(pathlib.Path(root, "JPEGImages", "480p", sequence).glob("*.jpg"))
        folder = pathlib.Path(out, sequence)
        folder.mkdir(parents=True, exist_ok=True)
        masks = []
        start = time.perf_counter()
        propagate(frames, read_mask(annotations / sequence / "00000.png"), lambda _, ids: masks.append(ids))
        seconds = time.perf_counter() - start
        for index, ids in enumerate(masks):
            image = Image.fromarray(ids, "P")
            # Any palette with different colours: only the indices count.
            image.putpalette([value for i in range(256) for value in (i, i, i)])
            image.save(folder / f"{index:05d}.png")
        print(json.dumps({"sequence": sequence, "frames": len(frames), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
