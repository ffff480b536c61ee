"""Pictures with one thing to select, and a simulated user who points at it."""

from pathlib import Path

import cv2
import numpy as np

from cutouts import Cutouts, plausible
from photos import Photos
from scenes import blob, motion_kernel, tint

# Height and width of about equal area, so that people fit and wide frames occur.
SHAPES = ((256, 256), (224, 288), (192, 352), (288, 224), (320, 192))
# Of a click, in cells of stride 2.
RADIUS = 3
STRIDE = 2


class Selections:
    """`sample(rng, height, width)` -> (RGB uint8 [H, W, 3], mask uint8 [H, W], rest uint8 [H, W]); rest is what belongs to the same
    object but is not meant, for parts of objects. None now and then: try again."""

    def __init__(self, cache: Path, images: Path, masks: Path, masked: Path):
        self.photos, self.cutouts = Photos(cache), Cutouts(cache)
        names = [self.photos.index[i]["name"] for i in self.photos.training]
        soft = [(images / f"{name}.jpg", masks / f"{name}.png") for name in names]
        self.masked = [(i, m) for i, m in soft if m.exists() and plausible(cv2.imread(str(m), cv2.IMREAD_GRAYSCALE)) is not None]
        self.people = [(m.with_suffix(".jpg"), m) for m in sorted(masked.glob("*.png"))]

    def sample(self, rng, height: int, width: int):
        chance = rng.random()
        if chance < 0.6:
            image, mask = self.photograph(rng, height, width)
            rest = np.zeros_like(mask)
            if chance < 0.14:
                mask, rest = part(rng, image, mask)
        else:
            image, mask = self.composite(rng, height, width)
            rest = np.zeros_like(mask)
        if mask is None or not 0.012 < (mask > 127).mean() < 0.8:
            return None
        return finish(rng, image), mask, rest

    def photograph(self, rng, height: int, width: int):
        among = self.people if rng.random() < 0.25 else self.masked
        path, mask_path = among[int(rng.integers(len(among)))]
        image = cv2.imread(str(path))[:, :, ::-1]
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if mask.shape != image.shape[:2]:
            mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        both = crop(rng, np.dstack([image, mask]), height, width, 0.55)
        return np.ascontiguousarray(both[:, :, :3]), np.ascontiguousarray(both[:, :, 3])

    def composite(self, rng, height: int, width: int):
        layers = []  # visible alpha 0..1 and kind, from the back
        if rng.random() < 0.4:
            image, mask = self.photograph(rng, height, width)
            layers.append([mask.astype(np.float32) / 255, "photograph"])
        else:
            photo = self.photos[self.photos.training[int(rng.integers(len(self.photos.training)))]]
            image = crop(rng, photo, height, width, 0.5)
        image = image.astype(np.float32)
        kinds = list(self.cutouts.groups)
        weights = np.array([{"sticker": 0.25, "animal": 2.5, "people": 2, "clothing": 0.5}.get(k, 1.2) for k in kinds])
        kind = str(rng.choice(kinds, p=weights / weights.sum()))
        alike, rgba, centre, extent = rng.random() < 0.5, None, None, None
        for n in range(int(rng.choice([1, 2, 3, 4], p=[0.3, 0.35, 0.2, 0.15]))):
            if n > 0 and not alike:
                kind = str(rng.choice(kinds, p=weights / weights.sum()))
            if n == 0 or rng.random() < 0.85:
                group = self.cutouts.groups[kind]
                rgba = self.cutouts[group[int(rng.integers(len(group)))]]
                if rng.random() < 0.08:
                    photo = self.photos[self.photos.training[int(rng.integers(len(self.photos.training)))]]
                    rgba = blob(rng, photo, 160)
            if n > 0 and alike:
                extent *= np.exp(rng.normal(0, 0.12))
                centre = centre + extent * np.array([rng.choice([-1, 1]) * rng.uniform(0.25, 0.8), rng.normal(0, 0.15)])
            else:
                extent = min(height, width) * float(np.exp(rng.uniform(np.log(0.22), np.log(1.1))))
                centre = rng.uniform(0.1, 0.9, 2) * (width, height)
            colour, alpha = placed(rng, rgba, extent, centre, height, width)
            image += (colour - image) * alpha[:, :, None]
            for layer in layers:
                layer[0] = layer[0] * (1 - alpha)
            layers.append([alpha, kind])
        visible = [layer for layer in layers if (layer[0] > 0.5).mean() > 0.012]
        if not visible:
            return image.astype(np.uint8), None
        alpha, kind = visible[int(rng.integers(len(visible)))]
        if alike and rng.random() < 0.3:
            alpha = sum(a for a, k in visible if k == kind)  # several of a kind
        return image.astype(np.uint8), np.clip(255 * alpha + 0.5, 0, 255).astype(np.uint8)


def crop(rng, image: np.ndarray, height: int, width: int, least: float) -> np.ndarray:
    """A piece of about the shape asked for, mirrored or not, at that size."""
    ratio = width / height * np.exp(rng.normal(0, 0.08))
    h = min(image.shape[0], image.shape[1] / ratio)
    w = h * ratio
    scale = rng.uniform(least, 1)
    h, w = int(h * scale), int(min(w * scale, image.shape[1]))
    y, x = int(rng.integers(image.shape[0] - h + 1)), int(rng.integers(image.shape[1] - w + 1))
    piece = cv2.resize(image[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA if h > height else cv2.INTER_LINEAR)
    return piece[:, ::-1] if rng.random() < 0.5 else piece


def placed(rng, rgba: np.ndarray, extent: float, centre, height: int, width: int):
    """A cut-out in a frame: colours float32 [H, W, 3], alpha float32 [H, W]."""
    scale = extent / max(rgba.shape[:2])
    if scale < 0.6:
        rgba = cv2.resize(rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        scale = extent / max(rgba.shape[:2])
    rgba = np.dstack([tint(rgba[:, :, :3], rng, 0.8), rgba[:, :, 3]])
    angle, mirror = rng.normal(0, 0.2), rng.choice([-1, 1])
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    m = np.array([[c * mirror, -s, 0], [s * mirror, c, 0]])
    m[:, 2] = centre - m[:, :2] @ [rgba.shape[1] / 2, rgba.shape[0] / 2]
    warped = cv2.warpAffine(rgba, m, (width, height), flags=cv2.INTER_LINEAR)
    alpha = warped[:, :, 3].astype(np.float32) / 255
    if rng.random() < 0.5:
        alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.4, 1.2))
    return warped[:, :, :3].astype(np.float32), alpha


def part(rng, image: np.ndarray, mask: np.ndarray):
    """A piece of an object that has a colour of its own, or lies on one side of a line, and what remains of the object."""
    inside = mask > 127
    nothing = None, np.zeros_like(mask)
    if inside.mean() < 0.06:
        return nothing
    if rng.random() < 0.8:
        lab = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), (0, 0), 2).astype(np.float32)
        rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
        features = np.dstack([lab * [0.6, 1.5, 1.5], 0.4 * rows, 0.25 * columns]).astype(np.float32)[inside]
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        _, labels, _ = cv2.kmeans(features[::4], int(rng.integers(2, 5)), None, (cv2.TERM_CRITERIA_MAX_ITER, 8, 1), 1, cv2.KMEANS_PP_CENTERS)
        centres = np.stack([features[::4][labels[:, 0] == k].mean(0) for k in np.unique(labels)])
        nearest = ((features[:, None] - centres) ** 2).sum(2).argmin(1)
        chosen = np.zeros_like(mask)
        chosen[inside] = 255 * (nearest == nearest[int(rng.integers(len(nearest)))])
        chosen = cv2.medianBlur(chosen, 7)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(chosen)
        if len(stats) < 2:
            return nothing
        chosen = np.where(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), mask, 0).astype(np.uint8)
    else:
        rows, columns = np.where(inside)
        angle = rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * np.arange(mask.shape[1])[None] + np.sin(angle) * np.arange(mask.shape[0])[:, None]
        border = np.quantile(along[rows, columns], rng.uniform(0.25, 0.75))
        chosen = np.where(along > border, mask, 0).astype(np.uint8)
    share = (chosen > 127).sum() / inside.sum()
    if not 0.12 < share < 0.85:
        return nothing
    return chosen, np.where(chosen > 127, 0, mask).astype(np.uint8)


def finish(rng, image: np.ndarray) -> np.ndarray:
    image = tint(image, rng, 1)
    if rng.random() < 0.06:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, 2)
    if rng.random() < 0.12:
        image = cv2.filter2D(image, -1, motion_kernel(rng, rng.uniform(2, 7)))
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(45, 95))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image)


def depth(marked: np.ndarray) -> np.ndarray:
    """How far each marked cell is from the nearest that is not; beyond the picture nothing is marked."""
    return cv2.distanceTransform(cv2.copyMakeBorder(marked.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)[1:-1, 1:-1]


class User:
    """Points at one thing. `hints` float32 [4, H/2, W/2]: object, background, outside of a box, the mask so far."""

    def __init__(self, rng, mask: np.ndarray, rest: np.ndarray):
        self.rng = rng
        size = (mask.shape[1] // STRIDE, mask.shape[0] // STRIDE)
        self.truth = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        self.hints = np.zeros((4, *self.truth.shape), np.float32)
        self.wanted = self.truth > 0.5
        chance = rng.random()
        if rest.any():
            self.point(0, depth(self.wanted))
            self.point(1, depth(cv2.resize(rest, size, interpolation=cv2.INTER_AREA) > 127))
        elif chance < 0.12:
            self.hints[3] = self.wrong_mask()
            self.correct(self.hints[3])
        elif chance < 0.24:
            self.box()
            if rng.random() < 0.3:
                self.point(0, depth(self.wanted))
        elif chance < 0.36:
            for _ in range(int(rng.integers(1, 3))):
                self.stroke(0, depth(self.wanted))
            if rng.random() < 0.5:
                self.stroke(1, depth(~self.wanted))
        elif chance < 0.5:
            for _ in range(int(rng.integers(1, 5))):
                self.point(0, depth(self.wanted), 0.2)
            for _ in range(int(rng.integers(0, 4))):
                self.point(1, depth(~self.wanted), 0.1)
        else:
            self.point(0, depth(self.wanted), 1 if rng.random() < 0.6 else 0.3)

    def correct(self, probability: np.ndarray) -> None:
        """Points at the middle of what is most wrong, and hands back the mask so far."""
        rng = self.rng
        found = probability > 0.5
        chance = rng.random()
        self.hints[3] = found if chance < 0.45 else 0 if chance < 0.5 else probability
        missing, excess = depth(self.wanted & ~found), depth(~self.wanted & found)
        kind, errors = (0, missing) if missing.max() >= excess.max() else (1, excess)
        chance = rng.random()
        if errors.max() < 1 or chance < 0.08:
            return
        if chance < 0.25:
            self.stroke(kind, errors)
        else:
            self.point(kind, errors, 1 if chance < 0.8 else 0.4)

    def pick(self, depths: np.ndarray, least: float):
        cells = np.flatnonzero(depths >= least * depths.max())
        cell = int(cells[int(self.rng.integers(len(cells)))])
        return cell % depths.shape[1], cell // depths.shape[1]

    def point(self, kind: int, depths: np.ndarray, least: float = 0.5) -> None:
        if depths.max() > 0:
            cv2.circle(self.hints[kind], self.pick(depths, least), RADIUS, 1, cv2.FILLED)

    def stroke(self, kind: int, depths: np.ndarray) -> None:
        if depths.max() <= 0:
            return
        _, labels = cv2.connectedComponents((depths > 0).astype(np.uint8))
        x, y = self.pick(depths, 0.3)
        region = np.where(labels == labels[y, x], depths, 0)
        points = [self.pick(region, 0.25) for _ in range(int(self.rng.integers(2, 4)))]
        drawn = np.zeros_like(depths)
        cv2.polylines(drawn, [np.int32(points)], False, 1, 2 * RADIUS + 1)
        # Who draws a stroke keeps to the thing, more or less.
        self.hints[kind] = np.maximum(self.hints[kind], drawn * (region > 0))

    def box(self) -> None:
        rows, columns = np.where(self.wanted)
        slack = np.abs(self.rng.normal(0, 0.05, 4)) * self.rng.choice([0, 1, 1])
        height, width = self.wanted.shape
        top, bottom = rows.min() - slack[0] * height, rows.max() + 1 + slack[1] * height
        left, right = columns.min() - slack[2] * width, columns.max() + 1 + slack[3] * width
        self.hints[2] = 1
        self.hints[2, max(0, int(top)) : int(np.ceil(bottom)), max(0, int(left)) : int(np.ceil(right))] = 0

    def wrong_mask(self) -> np.ndarray:
        """The truth with pieces missing and too much of what is around."""
        noise = cv2.resize(self.rng.normal(0, 1, (5, 5)).astype(np.float32), self.truth.shape[::-1], interpolation=cv2.INTER_CUBIC)
        inside, outside = (cv2.distanceTransform(marked.astype(np.uint8), cv2.DIST_L2, 3) for marked in (self.wanted, ~self.wanted))
        reach = inside - outside
        return (reach + noise * self.rng.uniform(2, 14) > 0).astype(np.float32)
