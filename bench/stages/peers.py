"""The same work in other people's hands: CPU milliseconds of one call each, as JSON lines. Called by stages.ts.

    python3 bench/stages/peers.py MODEL_FOLDER DESCRIPTORS HEIGHT WIDTH RADIUS K RUNS

HEIGHT and WIDTH are of the network's input. DESCRIPTORS is a .npy file, float32 [frames + 1, channels, rows, columns],
normalised: the remembered frames, then the one that is searched for.
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


def windowed_top_k(maps, radius, k, runs):
    """Row by row of queries against the rows of keys in the window, columns outside masked: the usual way in this field."""
    cells = torch.from_numpy(maps).permute(0, 2, 3, 1).contiguous()
    keys, query = cells[:-1], cells[-1]
    rows, columns, _ = query.shape
    far = (torch.arange(columns)[:, None] - torch.arange(columns)[None]).abs() > radius

    def match():
        for y in range(rows):
            window = keys[:, max(0, y - radius) : y + radius + 1]
            products = torch.einsum("xc,fyzc->xfyz", query[y], window)
            products.masked_fill_(far[:, None, None], -2).flatten(1).topk(k)

    report("matching: PyTorch, windowed top-k", runs, match)


def faiss_search(maps, k, runs):
    name = "matching: FAISS exact search, no window"
    try:
        import faiss
    except ImportError:
        print(json.dumps({"name": name, "missing": "not installed"}), flush=True)
        return
    channels = maps.shape[1]
    cells = np.ascontiguousarray(maps.transpose(0, 2, 3, 1)).reshape(len(maps), -1, channels)
    index = faiss.IndexFlatIP(channels)
    index.add(cells[:-1].reshape(-1, channels))
    report(name, runs, lambda: index.search(cells[-1], k))


def dis_flow(runs):
    import cv2

    a, b = (np.random.default_rng(i).integers(0, 255, (480, 854), np.uint8) for i in range(2))
    a, b = cv2.GaussianBlur(a, (0, 0), 3), cv2.GaussianBlur(b, (0, 0), 3)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    report("whole frame: OpenCV DIS flow, 480p", runs, lambda: flow.calc(a, b, None))


def main(folder, descriptors, *numbers):
    height, width, radius, k, runs = map(int, numbers)
    maps = np.load(descriptors)
    with torch.no_grad():
        unet(Path(folder), height, width, runs)
        windowed_top_k(maps, radius, k, runs)
    faiss_search(maps, k, runs)
    dis_flow(runs)


if __name__ == "__main__":
    main(*sys.argv[1:])
