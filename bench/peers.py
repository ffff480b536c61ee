"""The same work in other people's hands: CPU milliseconds of one call each, as JSON lines. Called by stages.ts.

    python3 bench/peers.py MODEL_FOLDER HEIGHT WIDTH RADIUS K FRAMES RUNS
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))


def report(name, runs, work):
    """Medians and extremes of CPU time: it counts the same whatever else the machine does."""
    work()
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    times.sort()
    print(json.dumps({"name": name, "median": times[len(times) // 2], "low": times[0], "high": times[-1]}), flush=True)


def unet(folder, height, width, runs):
    from optimise import load

    model, network = load(folder, json.loads((folder / "manifest.json").read_text()))
    sample, timestep, weights = torch.randn(1, 3, height, width), torch.tensor([-1.0]), network.mixing()[0]
    report("inversion: PyTorch, float32", runs, lambda: network(model(sample, timestep)[1], weights))


def windowed_top_k(height, width, radius, k, frames, runs):
    """Row by row of queries against the rows of keys in the window, columns outside masked: the usual way in this field."""
    rows, columns, channels = height // 4, width // 4, 128
    normalised = lambda: torch.nn.functional.normalize(torch.randn(rows, columns, channels), dim=2)
    query, keys = normalised(), torch.stack([normalised() for _ in range(frames)])
    far = (torch.arange(columns)[:, None] - torch.arange(columns)[None]).abs() > radius

    def match():
        for y in range(rows):
            window = keys[:, max(0, y - radius) : y + radius + 1]
            products = torch.einsum("xc,fyzc->xfyz", query[y], window)
            products.masked_fill_(far[:, None, None], -2).flatten(1).topk(k)

    report("matching: PyTorch, windowed top-k", runs, match)


def faiss_search(height, width, k, frames, runs):
    try:
        import faiss
    except ImportError:
        return
    cells = height * width // 16
    rows = np.random.default_rng(0).standard_normal((cells * frames, 128)).astype(np.float32)
    index = faiss.IndexFlatIP(128)
    index.add(rows)
    report("matching: FAISS exact search, no window", runs, lambda: index.search(rows[:cells], k))


def dis_flow(runs):
    import cv2

    a, b = (np.random.default_rng(i).integers(0, 255, (480, 854), np.uint8) for i in range(2))
    a, b = cv2.GaussianBlur(a, (0, 0), 3), cv2.GaussianBlur(b, (0, 0), 3)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    report("whole frame: OpenCV DIS flow, 480p", runs, lambda: flow.calc(a, b, None))


def main(folder, *numbers):
    height, width, radius, k, frames, runs = map(int, numbers)
    with torch.no_grad():
        unet(Path(folder), height, width, runs)
        windowed_top_k(height, width, radius, k, frames, runs)
    faiss_search(height, width, k, frames, runs)
    dis_flow(runs)


if __name__ == "__main__":
    main(*sys.argv[1:])
