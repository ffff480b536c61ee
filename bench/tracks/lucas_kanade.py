"""Baseline: points followed from frame to frame by OpenCV's pyramidal Lucas-Kanade (Bouguet 2000), its defaults.

    python3 bench/tracks/lucas_kanade.py FOLDER AT points|plane < points.json

FOLDER holds the frames, in order of their names; points are [[x, y], ...] in frame AT. Prints {"milliseconds": CPU time,
"frames": [[[x, y, visible], ...], ...]}. A point is hidden from where it is lost, leaves the frame, or does not lead back to
within a pixel of where it was; it is not found again. Of a plane, given by its corners, 144 points are followed, and a
homography is fitted to those that are left (RANSAC).
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


def pinned(corners, grid, ways):
    """The corners where the points of the grid have gone."""
    places = corners
    for moved, seen in ways:
        fitted = cv2.findHomography(grid[seen], moved[seen], cv2.RANSAC, 2)[0] if seen.sum() >= 4 else None
        if fitted is not None:
            places = cv2.perspectiveTransform(corners[None], fitted)[0]
        yield places, np.ones(4, bool)


def grid_within(corners):
    u, v = np.meshgrid(np.linspace(0.04, 0.96, 12), np.linspace(0.04, 0.96, 12))
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], -1).reshape(-1, 4)
    return (weights @ corners).astype(np.float32)


def main(folder, at, kind):
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(pathlib.Path(folder).iterdir())]
    points = np.array(json.load(sys.stdin), np.float32)
    grid = grid_within(points) if kind == "plane" else points
    started = time.process_time()
    ways = [follow(images[at:], grid), follow(images[at::-1], grid)]
    if kind == "plane":
        ways = [pinned(points, grid, way) for way in ways]
    forward, backward = list(ways[0]), list(ways[1])[:0:-1]
    milliseconds = 1000 * (time.process_time() - started)
    frames = [[[float(x), float(y), bool(s)] for (x, y), s in zip(places, seen)] for places, seen in backward + forward]
    print(json.dumps({"milliseconds": milliseconds, "frames": frames}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
