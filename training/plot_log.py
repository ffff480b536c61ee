"""Draw the training log (JSON lines) as one PNG: losses, held-out denoising error, accuracy, J and J&F on real clips."""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("png", type=Path)
    args = parser.parse_args()
    records = [json.loads(line) for line in args.log.read_text().splitlines()]
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), constrained_layout=True)

    def curve(axis, stage, key, label=None, inner=None):
        points = [(r["step"], r[key] if inner is None else r[key][inner]) for r in records if r["stage"] == stage and key in r]
        if points:
            axis.plot(*zip(*points), label=label or key, marker="o" if len(points) < 40 else None, markersize=3)

    curve(axes[0, 0], "diffusion", "loss", "stage 1: velocity error on training crops")
    for t in ("0", "100", "250", "500", "950"):
        curve(axes[0, 0], "diffusion", "heldOutDenoisingError", f"held-out noise error, t = {t}", inner=t)
    for key in ("matching", "labels", "denoising"):
        curve(axes[0, 1], "correspondence", key, f"stage 2: {key} loss")
    for key in ("exactCell", "withinOneCell", "carriedIoU"):
        curve(axes[1, 0], "correspondence", key, f"{key}, fixed synthetic scenes")
    for t in ("0", "100", "500"):
        curve(axes[1, 1], "correspondence", "heldOutDenoisingError", f"stage 2: held-out noise error, t = {t}", inner=t)
    quick = [(r["step"], r["meanJ"] / 100) for r in records if r["stage"] == "quick"]
    if quick:
        axes[1, 0].plot(*zip(*quick), "k^", label="J on four real clips (quick)")
    evaluated = [(r["step"], r["jAndF"]["mean"] / 100) for r in records if r["stage"] == "evaluation"]
    if evaluated:
        axes[1, 0].plot(*zip(*evaluated), "rs", label="J&F on real clips, whole evaluation")
    for axis in axes.flat:
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=8)
    for axis in axes.flat:
        axis.set_visible(bool(axis.lines))
    for axis in axes[0]:
        axis.set_yscale("log")
    figure.savefig(args.png, dpi=80)


if __name__ == "__main__":
    main()
