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
MEMORY, RADIUS, TOP, TILE = 5, 12, 7, 16


def tiles(maps: torch.Tensor, border: int) -> torch.Tensor:
    """[C, h, w] -> [tiles, C, (TILE + 2 border)^2]: each tile with what surrounds it, zeros beyond the edge."""
    side = TILE + 2 * border
    cut = F.pad(maps, (border,) * 4).unfold(1, side, TILE).unfold(2, side, TILE)  # C x rows x columns x side x side
    return cut.flatten(3).permute(1, 2, 0, 3).flatten(0, 1)


def window_mask(height: int, width: int, radius: int) -> torch.Tensor:
    """[tiles, TILE^2, side^2]: true where a key lies in the query's square window and in the picture."""
    side = TILE + 2 * radius
    query = torch.arange(TILE) + radius
    near = (query[:, None] - torch.arange(side)[None]).abs() <= radius  # TILE x side
    window = (near[:, None, :, None] & near[None, :, None, :]).reshape(TILE * TILE, side * side)
    return window[None] & (tiles(torch.ones(1, height, width), radius) > 0)


def carry(query: torch.Tensor, memory: list, temperature: float, first_radius: int = RADIUS) -> torch.Tensor:
    """query [C, h, w]; memory: (descriptors [C, h, w], labels [K, h, w]), the first frame first -> labels [K, h, w]."""
    _, height, width = query.shape
    queries = tiles(query, 0).transpose(1, 2)  # tiles x TILE^2 x C
    values, labels = [], []
    for n, (keys, key_labels) in enumerate(memory):
        radius = first_radius if n == 0 else RADIUS
        similarity = queries @ tiles(keys, radius)
        best = similarity.masked_fill(~window_mask(height, width, radius), -2.0).topk(TOP, 2)
        values.append(best.values)
        choices = tiles(key_labels, radius)[:, :, None].expand(-1, -1, TILE * TILE, -1)
        labels.append(choices.gather(3, best.indices[:, None].expand(-1, len(key_labels), -1, -1)))
    best = torch.cat(values, 2).topk(TOP, 2)
    chosen = torch.cat(labels, 3).gather(3, best.indices[:, None].expand(-1, labels[0].shape[1], -1, -1))
    propagated = (chosen * torch.softmax(best.values / temperature, 2)[:, None]).sum(3)  # tiles x K x TILE^2
    grid = propagated.view(height // TILE, width // TILE, -1, TILE, TILE)
    return grid.permute(2, 0, 3, 1, 4).reshape(-1, height, width)


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
