"""A quick progress metric: carry the first mask through every n-th frame of a few clips and print J (region overlap).

DAVIS layout; first frame plus the last five as memory, a window of 12 cells, top 7. Not the official number, which
`propagate eval davis` computes at full size: this one works at 448 x 256, without refinement, and leaves out F.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import export
from state import prepare_process

WIDTH, HEIGHT, STRIDE = 448, 256, 4
MEMORY, RADIUS, TOP = 5, 12, 7


def neighbours(keys: torch.Tensor) -> torch.Tensor:
    """[C, h, w] -> zero-padded [C, h + 2r, w + 2r]."""
    return F.pad(keys, (RADIUS,) * 4)


def carry(query: torch.Tensor, memory: list, temperature: float) -> torch.Tensor:
    """query [C, h, w]; memory: (descriptors [C, h, w], labels [K, h, w]) -> labels [K, h, w]. One band of rows at a time."""
    channels, height, width = query.shape
    side = 2 * RADIUS + 1
    padded = [(neighbours(d), neighbours(l)) for d, l in memory]
    inside = F.pad(torch.ones(1, height, width), (RADIUS,) * 4)
    rows = []
    for y in range(height):
        similarities, labels = [], []
        valid = inside[:, y : y + side].unfold(2, side, 1)  # 1 x side x width x side
        for d, l in padded:
            band = d[:, y : y + side].unfold(2, side, 1)  # C x side x width x side
            s = torch.einsum("cw,cswt->wst", query[:, y], band)
            s = s.masked_fill(valid[0].permute(1, 0, 2) == 0, -2.0)
            similarities.append(s.reshape(width, -1))
            labels.append(l[:, y : y + side].unfold(2, side, 1).permute(2, 0, 1, 3).reshape(width, l.shape[0], -1))
        values, index = torch.cat(similarities, 1).topk(TOP, 1)
        weights = torch.softmax(values / temperature, 1)
        chosen = torch.cat(labels, 2).gather(2, index[:, None].expand(-1, labels[0].shape[1], -1))
        rows.append((chosen * weights[:, None]).sum(2))
    return torch.stack(rows, 2).permute(1, 2, 0)


def read_frame(path: Path) -> torch.Tensor:
    image = cv2.resize(cv2.imread(str(path))[:, :, ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


@torch.no_grad()
def sequence_score(unet, network, root: Path, name: str, every: int, temperature: float) -> float:
    frames = sorted((root / "JPEGImages/480p" / name).glob("*.jpg"))[::every]
    weights, scores = network.mixing()[0], []
    first, recent = None, []
    for n, path in enumerate(frames):
        truth = cv2.imread(str(root / "Annotations/480p" / name / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE) > 0
        features = F.normalize(network(unet(read_frame(path), torch.tensor([-1.0]))[1], weights)[0], dim=0)
        if n == 0:
            cells = cv2.resize(truth.astype(np.float32), (WIDTH // STRIDE, HEIGHT // STRIDE), interpolation=cv2.INTER_AREA)
            first = (features, torch.from_numpy(np.stack([1 - cells, cells])))
            continue
        labels = carry(features, [first, *recent], temperature)
        recent = [*recent, (features, labels)][-MEMORY:]
        soft = F.interpolate(labels[None], size=truth.shape, mode="bilinear", align_corners=False)[0]
        mask = (soft[1] > soft[0]).numpy()
        scores.append((mask & truth).sum() / max((mask | truth).sum(), 1))
    return float(np.mean(scores[:-1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("root", type=Path, help="folder in DAVIS layout")
    parser.add_argument("--sequences", default="dog-agility,car-turn,dance-jump,motorbike")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--temperature", type=float, default=0.07)
    parser.add_argument("--log", type=Path, help="append the result to this JSON-lines log")
    args = parser.parse_args()
    prepare_process(2)
    unet, network = export.load(args.checkpoint)
    step = torch.load(args.checkpoint, map_location="cpu")["step"]
    scores = {}
    for name in args.sequences.split(","):
        scores[name] = round(100 * sequence_score(unet, network, args.root, name, args.every, args.temperature), 1)
        print(name, scores[name], flush=True)
    record = {"stage": "quick", "step": step, "J": scores, "meanJ": round(float(np.mean(list(scores.values()))), 1), "every": args.every}
    print(json.dumps(record))
    if args.log:
        with open(args.log, "a") as out:
            out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
