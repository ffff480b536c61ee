"""Synthetic video with known correspondence: a background photograph and up to three cut-outs, moving independently.

A scene has three frames. The step from frame 0 to 1 may be large (first frame against a late one), the step from 1 to 2
is small (neighbouring frames), as a propagation with the first and the last frames as memory sees them.

Coordinates are (x, y) pixels, pixel centres at integers. A layer's texture coordinate u and frame coordinate p are tied
by p = M v, u = v + D(v), with an affine M and a smooth displacement D, both per frame.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from cutouts import Cutouts
from photos import Photos

FRAMES = 3
MAX_OBJECTS = 3
STRIDE = 4
CONTROL_POINTS = 5


@dataclass
class Layer:
    texture: np.ndarray  # h x w x 4, uint8, colour premultiplied by alpha
    poses: list  # FRAMES 3x3 matrices, texture -> frame
    displacements: list  # FRAMES smooth fields 33 x 33 x 2, texture pixels
    background: bool


def affine(rng, strength: float, reach: float) -> np.ndarray:
    """A random motion about the origin: at strength 1 up to 40 degrees, a factor of 1.6, and `reach` pixels."""
    angle = np.radians(40) * strength * rng.uniform(-1, 1)
    scale = 1.6 ** (strength * rng.uniform(-1, 1))
    stretch = 1.15 ** (strength * rng.uniform(-1, 1))
    shear = 0.15 * strength * rng.uniform(-1, 1)
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[c, -s], [s, c]]) @ np.array([[stretch, shear], [0, 1 / stretch]])
    m = np.eye(3)
    m[:2, :2] = linear
    m[:2, 2] = strength * reach * rng.uniform(-1, 1, 2)
    return m


def about(m: np.ndarray, x: float, y: float) -> np.ndarray:
    """The motion m with its fixed point at (x, y) instead of the origin."""
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = (x, y), (-x, -y)
    return there @ m @ back


def smooth_field(rng, amplitude: float) -> np.ndarray:
    control = rng.normal(0, amplitude, (CONTROL_POINTS, CONTROL_POINTS, 2)).astype(np.float32)
    return cv2.resize(control, (33, 33), interpolation=cv2.INTER_CUBIC)


def displacement_at(layer: Layer, frame: int, points: np.ndarray) -> np.ndarray:
    """Displacement at texture points [N, 2] float32; constant beyond the texture's border."""
    field = layer.displacements[frame]
    height, width = layer.texture.shape[:2]
    x = (points[..., 0] * (32 / max(width - 1, 1))).astype(np.float32)
    y = (points[..., 1] * (32 / max(height - 1, 1))).astype(np.float32)
    # cv2.remap takes at most 32,767 rows or columns: lay the points out in rows of 32, padded at the end.
    padding = (0, -len(x) % 32)
    x, y = (np.pad(t, padding).reshape(-1, 32) for t in (x, y))
    return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 2)[: len(points)]


def to_texture(layer: Layer, frame: int, points: np.ndarray) -> np.ndarray:
    """Frame points [N, 2] -> texture points [N, 2]."""
    inverse = np.linalg.inv(layer.poses[frame])
    v = (points @ inverse[:2, :2].T + inverse[:2, 2]).astype(np.float32)
    return v + displacement_at(layer, frame, v)


def to_frame(layer: Layer, frame: int, points: np.ndarray) -> np.ndarray:
    """Texture points [N, 2] -> frame points [N, 2]; u = v + D(v) is solved by fixed-point iteration (D is a contraction)."""
    v = points.copy()
    for _ in range(8):
        v = points - displacement_at(layer, frame, v)
    m = layer.poses[frame]
    return v @ m[:2, :2].T + m[:2, 2]


def blob(rng, photo: np.ndarray, side: int) -> np.ndarray:
    """A smooth random shape filled with a piece of a photograph: RGBA, side x side."""
    noise = cv2.resize(rng.normal(0, 1, (4, 4)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    radius = np.sqrt(axis[:, None] ** 2 * rng.uniform(1, 2.5) + axis[None, :] ** 2 * rng.uniform(1, 2.5))
    alpha = ((0.75 - radius + 0.25 * noise > 0) * 255).astype(np.uint8)
    size = min(photo.shape[:2])
    piece = int(rng.uniform(0.3, 1) * size)
    y, x = (int(rng.integers(0, n - piece + 1)) for n in photo.shape[:2])
    colour = cv2.resize(photo[y : y + piece, x : x + piece], (side, side), interpolation=cv2.INTER_AREA)
    return np.dstack([colour, alpha])


def premultiplied(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    return np.dstack([((rgba[:, :, :3] * alpha + 127) // 255).astype(np.uint8), rgba[:, :, 3]])


def tint(image: np.ndarray, rng, strength: float) -> np.ndarray:
    """Gain per channel and gamma; strength 1 is a strong change of light."""
    gain = np.exp(strength * (rng.normal(0, 0.12) + rng.normal(0, 0.04, 3)))
    gamma = np.exp(strength * rng.normal(0, 0.1))
    table = np.clip(255 * gain[None, :] * (np.arange(256)[:, None] / 255.0) ** gamma, 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table.reshape(1, 256, 3))


def motion_kernel(rng, length: float) -> np.ndarray:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    angle, centre = rng.uniform(0, np.pi), size // 2
    offset = (length / 2 * np.cos(angle), length / 2 * np.sin(angle))
    start = tuple(int(round(centre - o)) for o in offset)
    end = tuple(int(round(centre + o)) for o in offset)
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()


def compress(image: np.ndarray, rng) -> np.ndarray:
    """What a camera and a codec do: loss of resolution, noise, JPEG blocks."""
    size = image.shape[0]
    if rng.random() < 0.3:
        small = int(size * rng.uniform(0.6, 1))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(1, 6)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(45, 95))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


class SceneMaker:
    def __init__(self, cache, held_out: bool = False):
        self.photos, self.cutouts = Photos(cache), Cutouts(cache)
        self.backgrounds = self.photos.held_out if held_out else self.photos.training
        keep = (lambda i: i % 40 == 0) if held_out else (lambda i: i % 40 != 0)
        self.groups = {k: [i for i in v if keep(i)] for k, v in self.cutouts.groups.items()}
        self.groups = {k: v for k, v in self.groups.items() if v}

    def foreground(self, rng, kind) -> np.ndarray:
        if kind == "blob":
            return blob(rng, self.photos[int(rng.choice(self.backgrounds))], 128)
        rgba = self.cutouts[int(rng.choice(self.groups[kind]))]
        return rgba[:, ::-1] if rng.random() < 0.5 else rgba

    def background(self, rng, size: int, most: float, least: float):
        """A photograph as an opaque texture, and its pose in the first frame: it covers the frame at `least` of its size and zooms to `most`."""
        photo = self.photos[int(rng.choice(self.backgrounds))]
        zoom = rng.uniform(0.55, most)  # frame pixels per photo pixel
        zoom = max(zoom, least * size / min(photo.shape[:2]))
        if zoom < 1:
            photo = cv2.resize(photo, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
            zoom = 1.0
        start = np.diag([zoom, zoom, 1.0])
        start[:2, 2] = [-rng.uniform(0, max(0, n * zoom - size)) for n in photo.shape[1::-1]]
        return np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]), start

    def placed(self, rng, rgba: np.ndarray, size: int, extent: float, sharpness: float, margin: float):
        """A cut-out of `extent` pixels somewhere in the frame -> (texture, its pose in the first frame, its centre)."""
        shrink = sharpness * extent / max(rgba.shape[:2])
        if shrink < 1:
            rgba = cv2.resize(rgba, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.4:
            rgba = np.dstack([tint(rgba[:, :, :3], rng, 1.0), rgba[:, :, 3]])
        height, width = rgba.shape[:2]
        scale = extent / max(height, width)
        centre = rng.uniform(margin, 1 - margin, 2) * size
        start = np.diag([scale, scale, 1.0])
        start[:2, 2] = centre - scale * np.array([width, height]) / 2
        return rgba, about(affine(rng, 0.3, 0), *centre) @ start, centre

    def layers(self, rng, size: int) -> list:
        far = rng.uniform(0.03, 0.25) if rng.random() < 0.5 else rng.uniform(0.25, 1.0)
        near = rng.uniform(0.02, 0.18)
        camera = [about(affine(rng, s * rng.uniform(0, 0.7), 0.3 * size), size / 2, size / 2) for s in (far, near)]

        def poses(start, own):
            first = camera[0] @ own[0] @ start
            return [start, first, camera[1] @ own[1] @ first]

        def fields(amplitude):
            zero = smooth_field(rng, 0)
            one = smooth_field(rng, amplitude * far)
            return [zero, one, one + smooth_field(rng, amplitude * near)]

        opaque, start = self.background(rng, size, 1.5, 0.75)
        still = [np.eye(3), np.eye(3)]
        result = [Layer(opaque, poses(start, still), fields(0.015 * size), True)]

        kinds = list(self.groups) or ["blob"]
        weights = np.array([0.5 if k == "sticker" else 3.0 if k == "animal" else 1.0 for k in kinds])
        kind = str(rng.choice(kinds, p=weights / weights.sum()))
        for n in range(int(rng.integers(1, MAX_OBJECTS + 1))):
            # Look-alikes of the same kind, unrelated things, and now and then a plain occluder.
            chance = rng.random()
            if n > 0 and chance < 0.5:
                kind = str(rng.choice(kinds, p=weights / weights.sum()))
            rgba = self.foreground(rng, "blob" if n > 0 and chance > 0.8 else kind)
            extent = float(np.exp(rng.uniform(np.log(0.16), np.log(0.8)))) * size
            rgba, start, centre = self.placed(rng, rgba, size, extent, 1.15, 0.15)
            height, width = rgba.shape[:2]
            own = [about(affine(rng, s, 0.45 * size), *centre) for s in (far * rng.uniform(0.2, 1), near * rng.uniform(0.2, 1.5))]
            amplitude = 0.05 * max(height, width)
            result.append(Layer(premultiplied(rgba), poses(start, own), fields(amplitude), False))
        return result

    def render(self, layers: list, frame: int, size: int, rng, light: float):
        """-> (image uint8 [S, S, 3], ids uint8 [S, S]: the index of the visible layer)."""
        background, ids = self.drawn(layers[0], frame, size, rng, light), np.zeros((size, size), np.uint8)
        image = self.render_over(background[:, :, :3], ids, layers[1:], 1, frame, rng, light)
        image = tint(image, rng, light)
        return compress(image, rng), ids

    def render_over(self, image, ids, layers: list, first: int, frame: int, rng, light: float) -> np.ndarray:
        """Layers before an image -> the new image; writes ids `first`, `first` + 1, ... of visible layers into `ids`."""
        size = len(image)
        for n, layer in enumerate(layers, first):
            drawn = self.drawn(layer, frame, size, rng, light)
            alpha = drawn[:, :, 3:].astype(np.float32) / 255
            if rng.random() < 0.3:
                shift = np.float32([[1, 0, rng.uniform(-8, 8)], [0, 1, rng.uniform(-2, 10)]])
                shadow = cv2.GaussianBlur(cv2.warpAffine(alpha, shift, (size, size)), (0, 0), rng.uniform(1, 5))
                image = (image * (1 - rng.uniform(0.1, 0.5) * shadow[:, :, None])).astype(np.uint8)
            image = np.clip(drawn[:, :, :3] * (alpha > 0) + image * (1 - alpha), 0, 255).astype(np.uint8)
            ids[alpha[:, :, 0] > 0.5] = n
        return image

    def drawn(self, layer: Layer, frame: int, size: int, rng, light: float) -> np.ndarray:
        """A layer in a frame, uint8 [S, S, 4], colour premultiplied by alpha."""
        ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
        u = to_texture(layer, frame, np.stack([xs.ravel(), ys.ravel()], 1)).reshape(size, size, 2)
        border = cv2.BORDER_REFLECT_101 if layer.background else cv2.BORDER_CONSTANT
        drawn = cv2.remap(layer.texture, u[..., 0], u[..., 1], cv2.INTER_LINEAR, borderMode=border)
        if rng.random() < 0.25:
            drawn = cv2.filter2D(drawn, -1, motion_kernel(rng, rng.uniform(1.5, 7)), borderType=cv2.BORDER_REFLECT_101)
        return np.dstack([tint(drawn[:, :, :3], rng, 0.5 * light), drawn[:, :, 3]])

    def __call__(self, rng, size: int) -> dict:
        """images uint8 [F, 3, S, S], labels float32 [F, K, g, g] (share of each layer in a cell), and for each ordered
        pair in PAIRS the position of every cell's content in the other frame: `flow` float32 [P, g*g, 2] in cells (x, y),
        `visible` bool [P, g*g]."""
        layers = self.layers(rng, size)
        light = rng.uniform(0, 1) ** 2
        frames = [self.render(layers, f, size, rng, light) for f in range(FRAMES)]
        grid = size // STRIDE
        labels = np.stack([grid_labels(ids, grid) for _, ids in frames])
        flow, visible = zip(*(correspondence(layers, a, b, frames[a][1], frames[b][1], grid) for a, b in PAIRS))
        return {
            "images": np.stack([image.transpose(2, 0, 1) for image, _ in frames]),
            "labels": labels,
            "flow": np.stack(flow),
            "visible": np.stack(visible),
        }


# Each memory frame against the last frame, both ways.
PAIRS = ((0, 2), (2, 0), (1, 2), (2, 1))


def grid_labels(ids: np.ndarray, grid: int) -> np.ndarray:
    one_hot = (ids[None] == np.arange(MAX_OBJECTS + 1)[:, None, None]).astype(np.float32)
    return one_hot.reshape(MAX_OBJECTS + 1, grid, STRIDE, grid, STRIDE).mean((2, 4))


def correspondence(layers, a: int, b: int, ids_a: np.ndarray, ids_b: np.ndarray, grid: int):
    size = grid * STRIDE
    offset = (STRIDE - 1) / 2  # a cell's centre in pixels of its first pixel
    ys, xs = np.mgrid[0:grid, 0:grid]
    centres = np.stack([xs.ravel(), ys.ravel()], 1) * STRIDE + offset
    owner = ids_a[(centres[:, 1]).astype(int), (centres[:, 0]).astype(int)]
    target = np.full((grid * grid, 2), -1.0, np.float32)
    visible = np.zeros(grid * grid, bool)
    for n, layer in enumerate(layers):
        mine = np.where(owner == n)[0]
        if len(mine) == 0:
            continue
        p = to_frame(layer, b, to_texture(layer, a, centres[mine]))
        nearest = np.round(p).astype(int)
        inside = ((nearest >= 0) & (nearest < size)).all(1)
        x, y = np.clip(nearest, 0, size - 1).T
        target[mine] = (p - offset) / STRIDE
        visible[mine] = inside & (ids_b[y, x] == n)
    return np.clip(target, 0, grid - 1), visible
