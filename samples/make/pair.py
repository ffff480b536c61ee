"""`samples/pair`: one bird in two places, poses and lights; where every point of one image went is known exactly."""

import json
import pathlib
import sys

import cv2
import numpy as np
from PIL import Image

import scene

SIZE = (512, 384)

# Landmarks in the cut-out, in its pixels, padding included.
LANDMARKS = {
    "beak": (29, 80),
    "eye": (61, 77),
    "crest": (92, 50),
    "wattle": (63, 103),
    "neck": (73, 141),
    "breast": (108, 180),
    "shoulder": (222, 109),
    "wing": (213, 152),
    "tail": (340, 185),
    "foot": (198, 345),
}


class View:
    """A camera's view of the cut-out: similarity transform and smooth bending; maps frame to cut-out coordinates."""

    def __init__(self, centre, scale, angle, bend, layer):
        self.centre, self.scale, self.angle, self.bend = centre, scale, angle, bend
        self.middle = (layer.shape[1] / 2, layer.shape[0] / 2)

    def to_layer(self, x, y):
        dx, dy = (x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale
        c, s = np.cos(self.angle), np.sin(self.angle)
        u, v = c * dx + s * dy, c * dy - s * dx
        u = u + self.bend * np.sin(v / 55)
        v = v + 0.6 * self.bend * np.sin(u / 70)
        return u + self.middle[0], v + self.middle[1]

    def to_frame(self, u, v):
        u, v = u - self.middle[0], v - self.middle[1]
        v = v - 0.6 * self.bend * np.sin(u / 70)
        u = u - self.bend * np.sin(v / 55)
        c, s = np.cos(self.angle), np.sin(self.angle)
        return self.scale * (c * u - s * v) + self.centre[0], self.scale * (s * u + c * v) + self.centre[1]


def write_flow(path, flow, valid):
    """KITTI's optical flow PNG: 16 bits, red and green are 64 times the flow in pixels plus 32768, blue is validity."""
    encoded = np.rint(flow * 64 + 32768).clip(0, 65535)
    bgr = np.dstack([valid, encoded[..., 1], encoded[..., 0]]) * valid[..., None]
    cv2.imwrite(str(path), bgr.astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(3)
    frame_grid = scene.grid(SIZE)
    crane = scene.stamp("animals/birds/crowned_crane")
    views = {
        "source": View((240, 196), 0.92, 0.0, 0, crane),
        "target": View((276, 206), 0.78, 0.2, 6, crane),
    }
    backgrounds = {
        "source": ("picosdeeuropa_by_Aitzol_Berasategi.jpg", (1500, 1125), (200, 330)),
        "target": ("aitzgorri_by_Aitzol_Berasategi.jpg", (2000, 1332), (700, 430)),
    }
    light = {"source": np.float32([1, 1, 1]), "target": np.float32([0.94, 0.88, 0.78])}
    alpha = {}
    for name, view in views.items():
        photo, size, corner = backgrounds[name]
        background = cv2.resize(scene.photo(photo), size, interpolation=cv2.INTER_AREA)
        x, y = frame_grid
        image = scene.sample(background, x * 1.6 + corner[0], y * 1.6 + corner[1], cv2.BORDER_REFLECT)
        figure = scene.sample(crane, *view.to_layer(x, y))
        image = scene.over(figure, image) * light[name]
        Image.fromarray(scene.develop(image, SIZE, generator)).save(folder / f"{name}.jpg", quality=92)
        ids = scene.labels([figure[..., 3]], SIZE)
        alpha[name] = ids
        scene.write_labels(folder / f"{name}-mask.png", ids)

    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float64), np.arange(SIZE[1], dtype=np.float64))
    from_x, from_y = views["source"].to_frame(*views["target"].to_layer(x, y))
    flow = np.dstack([from_x - x, from_y - y])
    write_flow(folder / "target-to-source.png", flow, alpha["target"] > 0)

    points = [
        {
            "name": name,
            "source": [round(float(c), 2) for c in views["source"].to_frame(*point)],
            "target": [round(float(c), 2) for c in views["target"].to_frame(*point)],
        }
        for name, point in LANDMARKS.items()
    ]
    (folder / "points.json").write_text(json.dumps(points, indent="\t") + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "pair"))
