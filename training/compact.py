"""A checkpoint of the moving averages alone, as float16: small enough to keep in the repository.

Training resumes from it with the averages as its weights and the optimizer's moments warmed up again.
"""

import argparse
from pathlib import Path

import torch

from state import save_checkpoint


def half(weights: dict) -> dict:
    return {name: value.half() for name, value in weights.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, map_location="cpu")
    kept = {k: saved[k] for k in ("step", "minutes", "log_scale")}
    kept |= {k: half(saved[k]) for k in ("unet_average", "aggregation_average")}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(args.output, kept)


if __name__ == "__main__":
    main()
