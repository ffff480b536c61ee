"""Sequences with exact masks for training the tracker: drawn ones of any length from photographs and cut-outs, and snippets of real clips.

A drawn sequence has a background photograph under a moving camera and one to four layers with motions of their own: look-alikes, things that
leave and come back, occluders, thin parts, smoke, changes of light and size, blur and compression. Steps between frames range from those
of neighbouring frames to those of frames far apart.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from scenes import FRAMES, Layer, SceneMaker, about, compress, motion_kernel, premultiplied, smooth_field, tint, to_texture

MAX_LAYERS = 5  # with the background


def walk(rng, frames: int, speed: float, reach: float) -> list:
    """Poses about the origin, one a frame, of something that keeps its direction for a while: rotation, scale and `reach` pixels of way."""
    rotation, growth = np.radians(30) * speed * rng.normal(), 0.35 * speed * rng.normal()
    velocity = speed * reach * rng.normal(0, 0.5, 2)
    squash = 0.2 * speed * rng.normal()
    pose, poses = np.zeros(6), []  # angle, log scale, log stretch, shear, x, y
    for _ in range(frames):
        angle, scale, stretch, shear = pose[:4]
        c, s = np.cos(angle) * np.exp(scale), np.sin(angle) * np.exp(scale)
        m = np.eye(3)
        m[:2, :2] = np.array([[c, -s], [s, c]]) @ np.array([[np.exp(stretch), shear], [0, np.exp(-0.3 * stretch)]])
        m[:2, 2] = pose[4:]
        poses.append(m)
        jitter = 0.35 * speed * rng.normal(0, 1, 6) * [np.radians(20), 0.15, 0.1, 0.08, 0.4 * reach, 0.4 * reach]
        pose = pose + jitter + np.array([rotation, growth, squash, 0, *velocity])
        pose[1] = np.clip(pose[1], -1.2, 1.2)
        pose[2] = np.clip(pose[2], -0.6, 0.6)
        pose[3] = np.clip(pose[3], -0.3, 0.3)
        if rng.random() < 0.2:
            velocity, rotation = -0.7 * velocity, -rotation
    return poses


def flex(rng, frames: int, amplitude: float, speed: float) -> list:
    """Smooth displacement fields, one a frame: a random walk that is drawn back to rest."""
    field, fields = smooth_field(rng, 0), []
    for _ in range(frames):
        fields.append(field.astype(np.float32))
        field = 0.85 * field + smooth_field(rng, amplitude * speed)
    return fields


def skin_of(rgba: np.ndarray) -> np.ndarray:
    """A cut-out's colours, continued beyond its outline."""
    alpha = (rgba[:, :, 3:] > 200).astype(np.float32)
    colours = rgba[:, :, :3] * alpha
    reach = max(rgba.shape[:2]) / 8
    spread = [cv2.blur(np.dstack([colours, alpha]), (2 * int(r) + 1,) * 2) for r in (max(1, reach / 4), reach, 4 * reach)]
    filled, weight = colours + 1e-3 * rgba[:, :, :3], alpha + 1e-3
    for s, share in zip(spread, (0.1, 0.01, 0.001)):
        filled, weight = filled + share * s[:, :, :3], weight + share * s[:, :, 3:]
    return np.clip(filled / weight, 0, 255).astype(np.uint8)


def thin_parts(rng, rgba: np.ndarray) -> np.ndarray:
    """The cut-out with a few strings, poles or straps that belong to it, on a canvas with room for them."""
    height, width = rgba.shape[:2]
    room = int(0.5 * max(height, width))
    canvas = cv2.copyMakeBorder(rgba, room, room, room, room, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    rows, columns = np.where(rgba[:, :, 3] > 200)
    if len(rows) == 0:
        return rgba
    colour = tuple(int(v) for v in (rgba[rows[0], columns[0], :3] if rng.random() < 0.5 else rng.integers(0, 256, 3)))
    canvas = np.ascontiguousarray(canvas)
    for _ in range(int(rng.integers(1, 5))):
        i = int(rng.integers(len(rows)))
        points = [np.array([columns[i] + room, rows[i] + room], float)]
        direction = rng.normal(0, 1, 2)
        direction /= np.linalg.norm(direction) + 1e-6
        for _ in range(3):
            points.append(points[-1] + direction * rng.uniform(0.1, 0.35) * max(height, width))
            direction += rng.normal(0, 0.3, 2)
        cv2.polylines(canvas, [np.int32(points)], False, (*colour, 255), int(rng.integers(1, 5)), cv2.LINE_AA)
    return canvas


class Rollouts(SceneMaker):
    """`sequence(rng, size, frames)` -> (images uint8 [T, S, S, 3], ids uint8 [T, S, S]); id n is layer n."""

    def sequence(self, rng, size: int, frames: int):
        layers = self.moving_layers(rng, size, frames)
        light = rng.uniform(0, 1) ** 2
        drawn = [self.render(layers, f, size, rng, light) for f in range(frames)]
        images, ids = np.stack([image for image, _ in drawn]), np.stack([i for _, i in drawn])
        if rng.random() < 0.12:
            images = self.smoke(rng, images)
        return images, ids

    def moving_layers(self, rng, size: int, frames: int) -> list:
        speed = float(np.exp(rng.uniform(np.log(0.03), np.log(0.7))))
        camera = [about(m, size / 2, size / 2) for m in walk(rng, frames, speed * rng.uniform(0, 0.6), 0.3 * size)]
        opaque, start = self.background(rng, size, 1.8, 0.85)
        if rng.random() < 0.3:
            opaque[:, :, :3] = cv2.GaussianBlur(opaque[:, :, :3], (0, 0), rng.uniform(0.7, 3))
        layers = [Layer(opaque, [c @ start for c in camera], flex(rng, frames, 0.01 * size, speed), True)]

        kinds = list(self.groups)
        weights = np.array([{"sticker": 0.4, "animal": 2.5, "people": 2.5, "clothing": 0.6}.get(k, 1.2) for k in kinds])
        weights /= weights.sum()
        kind = str(rng.choice(kinds, p=weights))
        chosen = []
        for n in range(int(rng.choice([1, 2, 3, 4], p=[0.25, 0.35, 0.25, 0.15]))):
            chance = rng.random()
            if n > 0 and chance < 0.4:
                kind = str(rng.choice(kinds, p=weights))
            if chosen and 0.4 <= chance < 0.52:
                rgba = chosen[-1][:, :: rng.choice([-1, 1])]  # the same thing once more
            else:
                rgba = self.foreground(rng, "blob" if n > 0 and chance > 0.85 else kind)
                if rng.random() < 0.12:
                    rgba = thin_parts(rng, rgba)
            chosen.append(rgba)
            layers.append(self.mover(rng, rgba, size, frames, speed, camera))
        return layers

    def mover(self, rng, rgba, size: int, frames: int, speed: float, camera: list) -> Layer:
        extent = float(np.exp(rng.uniform(np.log(0.18), np.log(1.1)))) * size
        rgba, start, centre = self.placed(rng, rgba, size, extent, 1.3, 0.12)
        height, width = rgba.shape[:2]
        own = walk(rng, frames, speed * rng.uniform(0.2, 1.3), 0.35 * size)
        poses = [c @ about(m, *centre) @ start for c, m in zip(camera, own)]
        event = rng.random()
        if event < 0.08 and frames > 2:
            # Gone for some frames, and back.
            away = np.eye(3)
            away[:2, 2] = size * 1.6 * np.array([np.cos(a := rng.uniform(0, 2 * np.pi)), np.sin(a)])
            begin = int(rng.integers(1, frames))
            end = int(rng.integers(begin + 1, frames + 1))
            poses = [away @ p if begin <= f < end else p for f, p in enumerate(poses)]
        elif event < 0.2:
            # Crosses the picture: hides others, or is hidden, for a while.
            way = size * rng.uniform(-1.2, 1.2, 2)
            poses = [np.array([[1, 0, way[0] * (f / (frames - 1) - 0.5)], [0, 1, way[1] * (f / (frames - 1) - 0.5)], [0, 0, 1]]) @ p for f, p in enumerate(poses)]
        layer = Layer(premultiplied(rgba), poses, flex(rng, frames, 0.05 * max(height, width), min(1.0, speed + 0.15)), False)
        if rng.random() < 0.3:
            way = rng.normal(0, 1, 2) * [1.0, 0.3] * min(1.0, 2 * speed) * 0.4 * width
            layer.skin, layer.slides = skin_of(rgba), [np.float32(way * f) for f in range(frames)]
        return layer

    def render(self, layers: list, frame: int, size: int, rng, light: float):
        """-> (image uint8 [S, S, 3], ids uint8 [S, S]: the index of the visible layer). Layers are drawn in their own boxes."""
        image, ids = None, np.zeros((size, size), np.uint8)
        blur = rng.random() < 0.3
        for n, layer in enumerate(layers):
            x0, y0, x1, y1 = (0, 0, size, size) if layer.background else box_of(layer, frame, size)
            if x1 <= x0 or y1 <= y0:
                continue
            ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32)
            u = to_texture(layer, frame, np.stack([xs.ravel(), ys.ravel()], 1)).reshape(y1 - y0, x1 - x0, 2)
            border = cv2.BORDER_REFLECT_101 if layer.background else cv2.BORDER_CONSTANT
            drawn = cv2.remap(layer.texture, u[..., 0], u[..., 1], cv2.INTER_LINEAR, borderMode=border)
            if blur and rng.random() < 0.5:
                drawn = cv2.filter2D(drawn, -1, motion_kernel(rng, rng.uniform(1.5, 9)), borderType=cv2.BORDER_REFLECT_101)
            if layer.skin is not None:
                skin = cv2.remap(layer.skin, *cv2.split(u + layer.slides[frame]), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
                drawn = np.dstack([premultiplied(np.dstack([skin, drawn[:, :, 3]]))])
            colour = tint(drawn[:, :, :3], rng, (1.2 if layer.slides is not None else 0.3) * light)
            if layer.background:
                image = colour
                continue
            alpha = drawn[:, :, 3:].astype(np.float32) / 255
            below = image[y0:y1, x0:x1]
            if rng.random() < 0.15:
                shift = np.float32([[1, 0, rng.uniform(-8, 8)], [0, 1, rng.uniform(-2, 10)]])
                shadow = cv2.GaussianBlur(cv2.warpAffine(alpha, shift, (x1 - x0, y1 - y0)), (0, 0), rng.uniform(1, 5))
                below = below * (1 - rng.uniform(0.1, 0.5) * shadow[:, :, None])
            image[y0:y1, x0:x1] = np.clip(colour * (alpha > 0) + below * (1 - alpha), 0, 255).astype(np.uint8)
            ids[y0:y1, x0:x1][alpha[:, :, 0] > 0.5] = n
        return compress(tint(image, rng, light), rng), ids

    def smoke(self, rng, images: np.ndarray) -> np.ndarray:
        """Drifting veils over all frames; what lies below stays what it is."""
        frames, size = images.shape[:2]
        noise = cv2.resize(rng.normal(0, 1, (7, 7)).astype(np.float32), (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC)
        veil = np.clip(noise * 0.5 + rng.uniform(-0.3, 0.4), 0, 0.85)
        colour = rng.uniform(60, 255) + rng.normal(0, 12, 3)
        way = rng.uniform(-0.12, 0.12, 2) * size
        result = []
        for f in range(frames):
            x, y = (int(np.clip(size / 2 + w * f, 0, size - 1)) for w in way)
            a = veil[y : y + size, x : x + size, None]
            result.append(np.clip(images[f] * (1 - a) + colour * a, 0, 255).astype(np.uint8))
        return np.stack(result)


class Scenes(SceneMaker):
    """The scenes of three frames that the descriptors learn on: a step that may be large, then one that is small. `sequence` as above."""

    def sequence(self, rng, size: int, frames: int):
        layers = self.layers(rng, size)
        light = rng.uniform(0, 1) ** 2
        drawn = [self.render(layers, min(f, FRAMES - 1), size, rng, light) for f in range(frames)]
        return np.stack([image for image, _ in drawn]), np.stack([i for _, i in drawn])


def box_of(layer: Layer, frame: int, size: int):
    """The frame's pixels that a layer can reach: its corners, with room for its displacement."""
    height, width = layer.texture.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    room = 2 + np.abs(layer.displacements[frame]).max()
    corners[:, :2] += np.sign(corners[:, :2] - [width / 2, height / 2]) * room
    at = corners @ layer.poses[frame][:2].T
    low = np.clip(np.floor(at.min(0)), 0, size).astype(int)
    high = np.clip(np.ceil(at.max(0)) + 1, 0, size).astype(int)
    return low[0], low[1], high[0], high[1]


class Snippets:
    """Real clips with pseudo-masks (label_clips.py): `sequence(rng, size, frames)` as above, 255 where nothing is known."""

    def __init__(self, folder: Path):
        self.folder = folder
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
        return np.ascontiguousarray(images), np.ascontiguousarray(ids)


def choose_objects(rng, ids: np.ndarray, most: int):
    """-> (masks uint8 [K, T, S, S] of 1 to `most` objects that the first frame shows, known uint8 [T, S, S]) or None."""
    area = ids[0].size
    present = [n for n in np.unique(ids[0]) if 0 < n < 255 and (ids[0] == n).sum() > 0.002 * area]
    if not present:
        return None
    rng.shuffle(present)
    masks = np.stack([ids == n for n in present[: int(rng.integers(1, most + 1))]]).astype(np.uint8)
    return masks, (ids < 255).astype(np.uint8)
