"""Sequences with masks for training the tracker: drawn scenes, snippets of real clips, and snippets with cut-outs that move before them.

A sequence is images uint8 [T, S, S, 3] and ids uint8 [T, S, S]: 0 background, 255 where nothing is known.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from scenes import FRAMES, SceneMaker, tint


class Scenes(SceneMaker):
    """The scenes of three frames that the descriptors learn on: a step that may be large, then one that is small."""

    def sequence(self, rng, size: int, frames: int):
        layers = self.layers(rng, size)
        light = rng.uniform(0, 1) ** 2
        drawn = [self.render(layers, min(f, FRAMES - 1), size, rng, light) for f in range(frames)]
        return np.stack([image for image, _ in drawn]), np.stack([i for _, i in drawn])

    def before(self, rng, sequence):
        """The sequence with cut-outs before it, which are objects of their own and hide its objects for a while."""
        images, ids = sequence
        layers = self.layers(rng, images.shape[1])[1:]
        light = rng.uniform(0, 1) ** 2
        known = ids[ids < 255]
        first, ids = int(known.max(initial=0)) + 1, ids.copy()
        drawn = [self.render_over(image, i, layers, first, min(f, FRAMES - 1), rng, light) for f, (image, i) in enumerate(zip(images, ids))]
        return np.stack(drawn), ids


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
