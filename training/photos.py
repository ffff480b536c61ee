"""A folder of images as one memory-mapped array, so that every loader process shares the decoded pixels."""

import json
import os
from pathlib import Path

import cv2
import numpy as np

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp"}
SHORT_SIDE = 256
HELD_OUT_EVERY = 64


def build(images: Path, cache: Path) -> None:
    """Decode all images (short side at most 256) into cache/photos.bin; does nothing when already there."""
    index_path = cache / "photos.json"
    if index_path.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    index, offset = [], 0
    with open(cache / "photos.bin", "wb") as out:
        for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in EXTENSIONS):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None or min(image.shape[:2]) < 96:
                continue
            scale = SHORT_SIDE / min(image.shape[:2])
            if scale < 1:
                image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            image = np.ascontiguousarray(image[:, :, ::-1])
            out.write(image.tobytes())
            index.append({"name": path.stem, "offset": offset, "height": image.shape[0], "width": image.shape[1]})
            offset += image.size
    temporary = index_path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(index))
    temporary.rename(index_path)


class Photos:
    """photos[i] -> RGB uint8 [H, W, 3] view. Every 64th photograph is held out of training."""

    def __init__(self, cache: Path):
        self.index = json.loads((cache / "photos.json").read_text())
        self.pixels = np.memmap(cache / "photos.bin", dtype=np.uint8, mode="r")
        self.training = [i for i in range(len(self.index)) if i % HELD_OUT_EVERY]
        self.held_out = [i for i in range(len(self.index)) if i % HELD_OUT_EVERY == 0]

    def __getitem__(self, i: int) -> np.ndarray:
        entry = self.index[i]
        size = entry["height"] * entry["width"] * 3
        return self.pixels[entry["offset"] : entry["offset"] + size].reshape(entry["height"], entry["width"], 3)


def random_crop(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A square of random side (scale jitter), place and mirroring, resized to size x size."""
    short = min(image.shape[:2])
    side = int(rng.uniform(min(0.8 * size, short), short))
    y = int(rng.integers(0, image.shape[0] - side + 1))
    x = int(rng.integers(0, image.shape[1] - side + 1))
    crop = image[y : y + side, x : x + side]
    crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
    return crop[:, ::-1] if rng.random() < 0.5 else crop
