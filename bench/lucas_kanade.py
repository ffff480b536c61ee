"""Baseline: points followed from frame to frame by OpenCV's pyramidal Lucas-Kanade (Bouguet 2000), its defaults.

    python3 bench/lucas_kanade.py FOLDER AT < points.json

FOLDER holds the frames, in order of their names; points are [[x, y], ...] in frame AT. Prints {"seconds": s, "frames":
[[[x, y, visible], ...], ...]}. A point is hidden from where it is lost, leaves the frame, or does not lead back to within
a pixel of where it was; it is not found again.
"""

import json
import pathlib
import sys
import time

import cv2
import numpy as np


def follow(images, points):
    places, seen = points.copy(), np.ones(len(points), bool)
    yield places.copy(), seen.copy()
    for before, after in zip(images, images[1:]):
        start = places.astype(np.float32)[:, None]
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, None)
        missed = np.linalg.norm(back - start, axis=2)[:, 0]
        height, width = after.shape
        inside = ((moved[:, 0] >= 0) & (moved[:, 0] <= [width - 1, height - 1])).all(1)
        seen = seen & (found[:, 0] == 1) & (returned[:, 0] == 1) & (missed < 1) & inside
        places = np.where(found == 1, moved[:, 0], places)
        yield places.copy(), seen.copy()


def main(folder, at):
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(pathlib.Path(folder).iterdir())]
    points = np.array(json.load(sys.stdin), np.float32)
    started = time.perf_counter()
    forward = list(follow(images[at:], points))
    backward = list(follow(images[at::-1], points))[:0:-1]
    seconds = time.perf_counter() - started
    frames = [[[float(x), float(y), bool(s)] for (x, y), s in zip(places, seen)] for places, seen in backward + forward]
    print(json.dumps({"seconds": seconds, "frames": frames}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
