"""Sequences with masks for training the tracker: drawn scenes, snippets of real clips, and snippets with cut-outs that move before them.

A sequence is images uint8 [T, S, S, 3] and ids uint8 [T, S, S]: 0 background, 255 where nothing is known.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from scenes import FRAMES, SceneMaker, tint


class Scenes(SceneMaker):
    """The scenes of three frames that the descriptors learn on: a step that may be large, then one that is small. Some objects have thin parts,
    and now and then there is smoke."""

    def __init__(self, cache, thin: float = 0.0, smoke: float = 0.0):
        """`thin`: share of cut-outs that get thin parts, see with_lines; `smoke`: share of scenes with smoke, see with_smoke."""
        super().__init__(cache)
        self.thin, self.smoke = thin, smoke

    def foreground(self, rng, kind) -> np.ndarray:
        rgba = super().foreground(rng, kind)
        return with_lines(rng, rgba) if rng.random() < self.thin else rgba

    def sequence(self, rng, size: int, frames: int):
        layers = self.layers(rng, size)
        light = rng.uniform(0, 1) ** 2
        drawn = [self.render(layers, min(f, FRAMES - 1), size, rng, light) for f in range(frames)]
        sequence = np.stack([image for image, _ in drawn]), np.stack([i for _, i in drawn])
        return with_smoke(rng, *sequence) if rng.random() < self.smoke else sequence

    def before(self, rng, sequence):
        """The sequence with cut-outs before it, which are objects of their own and hide its objects for a while."""
        images, ids = sequence
        layers = self.layers(rng, images.shape[1])[1:]
        light = rng.uniform(0, 1) ** 2
        known = ids[ids < 255]
        first, ids = int(known.max(initial=0)) + 1, ids.copy()
        drawn = [self.render_over(image, i, layers, first, min(f, FRAMES - 1), rng, light) for f, (image, i) in enumerate(zip(images, ids))]
        return np.stack(drawn), ids


def with_lines(rng, rgba: np.ndarray) -> np.ndarray:
    """A cut-out with strings, poles or spokes that belong to it: lines from inside of it to anywhere around, on a canvas that has room for them."""
    height, width = rgba.shape[:2]
    margin = int(rng.uniform(0.1, 0.6) * max(height, width))
    rgba = np.ascontiguousarray(np.pad(rgba, ((margin, margin), (margin, margin), (0, 0))))
    height, width = rgba.shape[:2]
    rows, columns = np.where(rgba[:, :, 3] > 200)
    if len(rows) == 0:
        return rgba
    colour = rgba[rows[0], columns[0], :3] if rng.random() < 0.3 else np.full(3, rng.uniform(0, 255)) + rng.normal(0, 15, 3)
    colour = [int(c) for c in np.clip(colour, 0, 255)]
    thickness = max(1, round(rng.uniform(0.006, 0.025) * max(height, width)))
    for _ in range(int(rng.integers(1, 5))):
        i = int(rng.integers(len(rows)))
        begin, end = np.array([columns[i], rows[i]], float), rng.uniform(0.02, 0.98, 2) * (width, height)
        if np.hypot(*(end - begin)) < 0.15 * max(height, width):
            continue
        bend = (begin + end) / 2 + rng.normal(0, 0.12 if rng.random() < 0.5 else 0.01, 2) * np.hypot(*(end - begin))
        t = np.linspace(0, 1, 24)[:, None]
        points = np.round(((1 - t) ** 2 * begin + 2 * t * (1 - t) * bend + t**2 * end) * 8).astype(np.int32)
        cv2.polylines(rgba, [points], False, (*colour, 255), thickness, cv2.LINE_8, 3)
    return rgba


def with_smoke(rng, images: np.ndarray, ids: np.ndarray):
    """The sequence with smoke, dust or spray that grows from an object or anywhere: no object's, and nothing is known where it is thick before one."""
    size = ids.shape[1]
    rows, columns = np.where(ids[0] > 0)
    i = int(rng.integers(len(rows))) if len(rows) else 0
    centre = np.array([columns[i], rows[i]], float) if len(rows) and rng.random() < 0.8 else rng.uniform(0, size, 2)
    colour = np.full(3, rng.uniform(110, 255)) + rng.normal(0, 10, 3)
    noise = lambda cells: cv2.resize(rng.normal(0, 1, (cells, cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    shape = noise(5) + 0.5 * noise(12)
    reach, thickness, way = rng.uniform(0.15, 0.5) * size, rng.uniform(0.3, 1.0), rng.normal(0, 0.05, 2) * size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    images, ids = images.copy(), ids.copy()
    for t in range(len(ids)):
        away = np.hypot(x - centre[0], y - centre[1]) / reach
        alpha = np.clip(1.2 - away + 0.35 * shape, 0, 1) * thickness
        lit = colour + 12 * noise(8)[..., None]
        images[t] = np.clip(images[t] + alpha[..., None] * (lit - images[t]), 0, 255).astype(np.uint8)
        ids[t][(alpha > 0.55) & (ids[t] > 0)] = 255
        centre, reach, shape = centre + way, reach * rng.uniform(0.9, 1.4), 0.8 * shape + 0.5 * noise(6)
    return images, ids


def line_element(degrees: float) -> np.ndarray:
    turned = cv2.getRotationMatrix2D((5, 5), degrees, 1)
    return (cv2.warpAffine(np.pad(np.full((1, 11), 255, np.uint8), ((5, 5), (0, 0))), turned, (11, 11)) > 100).astype(np.uint8)


LINES = [line_element(degrees) for degrees in np.arange(0, 180, 22.5)]


def ignore_lines(image: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """`ids` [S, S] with 255 along thin lines that touch an object from outside: whoever labelled the clip sees no strings, spokes and poles, and
    whether these belong to the object isn't known."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    block = np.ones((5, 5), np.uint8)
    thin = np.maximum(cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, block), cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, block))
    long = np.max([cv2.morphologyEx(thin, cv2.MORPH_OPEN, line) for line in LINES], 0)
    objects = ((ids > 0) & (ids < 255)).astype(np.uint8)
    outside = ((long > 12) & (objects == 0)).astype(np.uint8)
    _, pieces = cv2.connectedComponents(cv2.dilate(outside, np.ones((3, 3), np.uint8)))
    touching = np.unique(pieces[cv2.dilate(objects, np.ones((7, 7), np.uint8)) > 0])
    out = ids.copy()
    out[np.isin(pieces, touching[touching > 0]) & (ids == 0)] = 255
    return out


class Snippets:
    """Real clips with pseudo-masks (label_clips.py): `sequence(rng, size, frames)` as above, 255 where nothing is known."""

    def __init__(self, folder: Path, twins: float = 0.0):
        """`twins`: share of sequences with a look-alike, see with_twin."""
        self.folder, self.twins = folder, twins
        self.index = json.loads((folder / "index.json").read_text())
        self.index = [entry for entry in self.index if (folder / f"{entry['name']}.npz").exists()]

    def sequence(self, rng, size: int, frames: int):
        entry = self.index[int(rng.integers(len(self.index)))]
        with np.load(self.folder / f"{entry['name']}.npz") as stored:
            images, ids = stored["frames"], stored["ids"]
        length, height, width = ids.shape
        longest = (length - 1) // (frames - 1)
        step = int(rng.integers(1, longest + 1)) if longest >= 1 else 1
        begin = int(rng.integers(0, max(1, length - step * (frames - 1))))
        chosen = np.minimum(begin + step * np.arange(frames), length - 1)
        if rng.random() < 0.5:
            chosen = chosen[::-1]
        side = int(rng.uniform(0.7, 1.0) * min(height, width))
        # A crop that shows the object: about one of its pixels in the first frame.
        rows, columns = np.where((ids[chosen[0]] > 0) & (ids[chosen[0]] < 255))
        if len(rows) == 0:
            return None
        i = int(rng.integers(len(rows)))
        y = int(np.clip(rows[i] - rng.uniform(0.2, 0.8) * side, 0, height - side))
        x = int(np.clip(columns[i] - rng.uniform(0.2, 0.8) * side, 0, width - side))
        images = images[chosen, y : y + side, x : x + side]
        ids = ids[chosen, y : y + side, x : x + side]
        interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        images = np.stack([cv2.resize(i, (size, size), interpolation=interpolation) for i in images])
        ids = np.stack([cv2.resize(i, (size, size), interpolation=cv2.INTER_NEAREST) for i in ids])
        if rng.random() < 0.5:
            images, ids = images[:, :, ::-1], ids[:, :, ::-1]
        if rng.random() < 0.5:
            strength = rng.uniform(0, 1)
            state = rng.integers(1 << 31)
            images = np.stack([tint(i, np.random.default_rng(state), strength) for i in images])
        ids = np.stack([ignore_lines(np.ascontiguousarray(image), i) for image, i in zip(images, ids)])
        sequence = np.ascontiguousarray(images), np.ascontiguousarray(ids)
        return with_twin(rng, *sequence) if rng.random() < self.twins else sequence


def with_twin(rng, images: np.ndarray, ids: np.ndarray):
    """The sequence with one of its objects once more elsewhere, before or behind the others: a look-alike that moves as real things do, with an id of
    its own."""
    size = ids.shape[1]
    present = [n for n in np.unique(ids) if 0 < n < 255]
    if not present:
        return images, ids
    mask = ids == rng.choice(present)
    rows, columns = np.where(mask.any(0))
    # So far that it does not lie on the object itself, as far as the frame allows.
    way = rng.uniform(0.3, 0.9) * np.array([np.ptp(columns) + 1, np.ptp(rows) + 1]) * rng.choice([-1, 1], 2)
    if rng.random() < 0.5:
        way[1] *= 0.2
    mirrored = rng.random() < 0.5
    if mirrored:
        way[0] += size - 1 - columns.min() - columns.max()
    shift = np.float32([[-1 if mirrored else 1, 0, size - 1 - way[0] if mirrored else way[0]], [0, 1, way[1]]])
    state, strength, behind = rng.integers(1 << 31), rng.uniform(0, 0.7), rng.random() < 0.4
    twin, result, own = max(present) + 1, images.copy(), ids.copy()
    for t in range(len(ids)):
        alpha = cv2.warpAffine(cv2.GaussianBlur(mask[t].astype(np.float32), (0, 0), 0.7), shift, (size, size))
        if behind:
            alpha[(ids[t] > 0) & (ids[t] < 255)] = 0
        colour = tint(cv2.warpAffine(images[t], shift, (size, size)), np.random.default_rng(state), strength)
        result[t] = np.round(images[t] + alpha[..., None] * (colour.astype(np.float32) - images[t])).astype(np.uint8)
        own[t][alpha > 0.5] = twin
    return result, own


def choose_objects(rng, ids: np.ndarray, most: int):
    """-> (masks uint8 [K, T, S, S] of 1 to `most` objects that the first frame shows, known uint8 [T, S, S]) or None."""
    area = ids[0].size
    present = [n for n in np.unique(ids[0]) if 0 < n < 255 and (ids[0] == n).sum() > 0.002 * area]
    if not present:
        return None
    rng.shuffle(present)
    masks = np.stack([ids == n for n in present[: int(rng.integers(1, most + 1))]]).astype(np.uint8)
    return masks, (ids < 255).astype(np.uint8)
