"""J&F of a checkpoint of the tracker on sequences in DAVIS layout, without exporting it: the program's memory, in PyTorch.

Slower than the program and without its last step at full resolution, so only for following a training.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import recognition
from tracker import Tracker, join

EVERY, KEEP = 5, 3


class Carrier:
    """Carries first masks through frames: `begin(frame, ids)`, then `next(frame)` -> ids, frames RGB uint8 [H, W, 3] of one size."""

    def __init__(self, tracker: Tracker, short_side: int = 256):
        self.tracker, self.short_side = tracker, short_side

    def _encode(self, frame):
        height, width = frame.shape[:2]
        scale = self.short_side / min(height, width)
        sides = (recognition.side_for(width, scale), recognition.side_for(height, scale))
        pixels = cv2.resize(frame, sides, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        return self.tracker.encode(torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1)

    def begin(self, frame, ids):
        maps = self._encode(frame)
        self.objects = [i for i in np.unique(ids) if i not in (0, 255)]
        self.owner = torch.zeros(len(self.objects), dtype=torch.long)
        height, width = maps["decode2"].shape[-2:]
        masks = [cv2.resize((ids == i).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for i in self.objects]
        self.last = torch.from_numpy(np.stack(masks))[:, None]
        first = self.tracker.memorise(maps, self.owner, self.last)
        self.kept, self.newest, self.index = [(0, first)], first, 0

    def next(self, frame):
        maps = self._encode(frame)
        self.index += 1
        memory = [m for _, m in self.kept]
        if memory[-1] is not self.newest:
            memory.append(self.newest)
        read = self.tracker.read(maps, self.owner, memory)
        logits, quality = self.tracker.decode(maps, self.owner, read, self.last)
        logits = join(logits, self.owner, 1)
        self.quality = quality
        self.last = torch.sigmoid(logits)
        self.newest = self.tracker.memorise(maps, self.owner, self.last)
        if self.index % EVERY == 0:
            self.kept.append((self.index, self.newest))
            if len(self.kept) > KEEP + 1:
                at = [i for i, _ in self.kept]
                gaps = [at[i + 1] - at[i - 1] for i in range(1, len(at) - 1)]
                del self.kept[1 + int(np.argmin(gaps))]
        large = F.interpolate(logits, size=frame.shape[:2], mode="bilinear", align_corners=False)[:, 0].numpy()
        best = large.argmax(0)
        return np.where(large.max(0) > 0, np.array(self.objects, np.uint8)[best], 0).astype(np.uint8)


def load(path: Path, weights: str = "average") -> Tracker:
    tracker = Tracker()
    stored = torch.load(path, map_location="cpu")
    tracker.load_state_dict(stored.get(weights, stored))
    return tracker.eval()


def region(a, b) -> float:
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0


def contour(found, true) -> float:
    """F of boundaries within 0.8 % of the diagonal, as DAVIS."""

    def border(mask):
        m = mask.astype(np.uint8)
        e, s, d = (np.zeros_like(m) for _ in range(3))
        e[:, :-1], s[:-1], d[:-1, :-1] = m[:, 1:], m[1:], m[1:, 1:]
        b = (m ^ e) | (m ^ s) | (m ^ d)
        b[-1], b[:, -1] = m[-1] ^ e[-1], m[:, -1] ^ s[:, -1]
        b[-1, -1] = 0
        return b

    reach = int(np.ceil(0.008 * np.hypot(*found.shape)))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x * x + y * y <= reach * reach).astype(np.uint8)
    f, t = border(found), border(true)
    if f.sum() == 0 or t.sum() == 0:
        return float(f.sum() == t.sum())
    precision = (f & cv2.dilate(t, disc)).sum() / f.sum()
    recall = (t & cv2.dilate(f, disc)).sum() / t.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def read_ids(path: Path):
    ids = np.array(Image.open(path))
    ids = ids[..., 0] if ids.ndim == 3 else ids
    return (ids > 127).astype(np.uint8) if set(np.unique(ids)) <= {0, 255} else ids


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="*")
    parser.add_argument("--short-side", type=int, default=256)
    parser.add_argument("--weights", default="average")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for overlays of every tenth frame")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    carrier = Carrier(load(args.checkpoint, args.weights), args.short_side)
    frames_of, masks_of = args.root / "JPEGImages/480p", args.root / "Annotations/480p"
    scores, judged = [], []
    for name in args.sequences or sorted(p.name for p in frames_of.iterdir()):
        js, fs = {}, {}
        files = sorted((frames_of / name).iterdir())
        for n, file in enumerate(files):
            frame = cv2.imread(str(file))[:, :, ::-1]
            true = read_ids(masks_of / name / f"{file.stem}.png")
            if n == 0:
                carrier.begin(frame, true)
                continue
            found = carrier.next(frame)
            if args.out and n % 10 == 0:
                tint = frame // 2
                tint[found > 0, 0] += 127
                tint[(true > 0) & (found == 0), 2] += 127
                args.out.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(args.out / f"{name}-{n:03}.jpg"), tint[:, :, ::-1])
            if n == len(files) - 1:
                continue
            for o, i in enumerate(carrier.objects):
                js.setdefault(i, []).append(region(found == i, true == i))
                fs.setdefault(i, []).append(contour(found == i, true == i))
                judged.append((carrier.quality[o].item(), js[i][-1]))
        j, f = (100 * np.mean([np.mean(v) for v in s.values()]) for s in (js, fs))
        scores.append((j, f))
        print(f"{name:20} {(j + f) / 2:5.1f} ({j:.1f}, {f:.1f})", flush=True)
    j, f = np.mean(scores, 0)
    q, t = np.array(judged).T
    print(f"{'mean':20} {(j + f) / 2:5.1f} ({j:.1f}, {f:.1f})  quality off by {np.abs(q - t).mean():.3f}, correlation {np.corrcoef(q, t)[0, 1]:.2f}")


if __name__ == "__main__":
    main()
