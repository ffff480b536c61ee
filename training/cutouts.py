"""Cut-outs with alpha from photographs (by given masks, else by GrabCut) and from folders of stickers: the moving layers of synthetic scenes.

Run once before stage 2; the cache lies beside the photographs' cache.
"""

import argparse
import json
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

import photos

WORK_SIDE = 128
MAX_SIDE = 224
# Name prefixes of photographs that usually show one thing in the middle; street scenes and textures do not.
DEFAULT_PREFIXES = "animal,imagenet,clothing"


def grab_cut(image: np.ndarray, rng: np.random.Generator):
    """RGBA uint8 of the centred object, cropped to its box, or None when the mask is degenerate."""
    scale = WORK_SIDE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    margin = rng.uniform(0.06, 0.12)
    box = (int(width * margin), int(height * margin), int(width * (1 - 2 * margin)), int(height * (1 - 2 * margin)))
    mask = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_RECT)
    foreground = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    foreground = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(foreground)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    foreground = (labels == largest).astype(np.uint8)
    contours, _ = cv2.findContours(foreground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(foreground), contours, -1, 1, cv2.FILLED)
    area = filled.mean()
    # Tiny, nearly everything, or nearly the rectangle itself: GrabCut found no object.
    inside = filled[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean()
    if area < 0.06 or area > 0.7 or inside > 0.9:
        return None
    alpha = cv2.resize(filled * 255, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    alpha = np.where(cv2.GaussianBlur(alpha, (0, 0), 1.5) > 127, 255, 0).astype(np.uint8)
    return crop_to_alpha(np.dstack([image, alpha]))


def crop_to_alpha(rgba: np.ndarray):
    rows, columns = np.where(rgba[:, :, 3].max(1) > 127)[0], np.where(rgba[:, :, 3].max(0) > 127)[0]
    if len(rows) < 24 or len(columns) < 24:
        return None
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = MAX_SIDE / max(rgba.shape[:2])
    return rgba if scale >= 1 else cv2.resize(rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def plausible(mask: np.ndarray):
    """A soft mask of one thing: decided nearly everywhere, of one piece, not cut off by the picture's border; else None."""
    decided = ((mask < 40) | (mask > 215)).mean()
    inside = (mask > 127).astype(np.uint8)
    area = inside.mean()
    if decided < 0.93 or not 0.03 < area < 0.75:
        return None
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] < 0.85 * inside.sum():
        return None
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    if border.mean() > 0.22:
        return None
    near = cv2.dilate((labels == largest).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.where(near > 0, mask, 0).astype(np.uint8)


def masked(image: np.ndarray, mask: np.ndarray):
    if mask is not None and mask.shape != image.shape[:2]:
        mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    return None if mask is None else crop_to_alpha(np.dstack([image, mask]))


def sticker(path: str):
    image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        return None
    return crop_to_alpha(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA))


def from_photo(job):
    cache, i = job
    cv2.setNumThreads(1)
    source = photos.Photos(cache)
    return grab_cut(np.array(source[i]), np.random.default_rng(i))


class Cutouts:
    """cutouts[i] -> RGBA uint8 [H, W, 4] view; `groups` lists indices by kind (look-alikes come from one kind)."""

    def __init__(self, cache: Path):
        self.index = json.loads((cache / "cutouts.json").read_text())
        self.pixels = np.memmap(cache / "cutouts.bin", dtype=np.uint8, mode="r")
        self.groups = {}
        for i, entry in enumerate(self.index):
            self.groups.setdefault(entry["kind"], []).append(i)

    def __len__(self):
        return len(self.index)

    def __getitem__(self, i: int) -> np.ndarray:
        entry = self.index[i]
        size = entry["height"] * entry["width"] * 4
        return self.pixels[entry["offset"] : entry["offset"] + size].reshape(entry["height"], entry["width"], 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--stickers", type=Path, help="folder of RGBA images, e.g. Debian's /usr/share/tuxpaint/stamps")
    parser.add_argument("--masks", type=Path, help="soft masks of the photographs, PNGs of the same names; what is not plausible is left out")
    parser.add_argument("--masked", type=Path, help="folder of .jpg photographs, each with a .png mask of the same name, all trusted")
    parser.add_argument("--prefixes", default=DEFAULT_PREFIXES, help="which photographs, by the start of their names")
    parser.add_argument("--limit", type=int, default=1 << 30)
    args = parser.parse_args()
    photos.build(args.images, args.state)
    source = photos.Photos(args.state)
    prefixes = tuple(args.prefixes.split(","))
    chosen = [i for i in source.training if source.index[i]["name"].startswith(prefixes)][: args.limit]
    jobs = [(args.state, i) for i in chosen]
    index, offset = [], 0
    with open(args.state / "cutouts.bin", "wb") as out, Pool(1) as pool:

        def add(rgba, kind):
            nonlocal offset
            if rgba is None:
                return
            out.write(np.ascontiguousarray(rgba).tobytes())
            index.append({"kind": kind, "offset": offset, "height": rgba.shape[0], "width": rgba.shape[1]})
            offset += rgba.size

        if args.stickers:
            for path in sorted(args.stickers.rglob("*.png")):
                add(sticker(str(path)), "sticker")
        if args.masked:
            for path in sorted(args.masked.glob("*.png")):
                photo = cv2.imread(str(path.with_suffix(".jpg")))
                add(masked(photo[:, :, ::-1], cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)), args.masked.name)
        if args.masks:
            for i in source.training:
                mask = cv2.imread(str(args.masks / f"{source.index[i]['name']}.png"), cv2.IMREAD_GRAYSCALE)
                add(masked(source[i], None if mask is None else plausible(mask)), source.index[i]["name"].rstrip("0123456789-"))
            chosen, jobs = [], []
        for i, rgba in zip(chosen, pool.imap(from_photo, jobs, chunksize=8)):
            add(rgba, source.index[i]["name"].rstrip("0123456789-"))
            if len(index) % 100 == 0:
                (args.state / "cutouts.json").write_text(json.dumps(index))
    (args.state / "cutouts.json").write_text(json.dumps(index))
    print(f"{len(index)} cut-outs")


if __name__ == "__main__":
    main()
