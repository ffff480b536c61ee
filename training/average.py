"""The mean of several checkpoints' moving averages, as a checkpoint to export or to go on from.

    python3 training/average.py OUTPUT CHECKPOINT CHECKPOINT...

Checkpoints of one training that lie far apart, of the model or of the tracker: their mean carries masks better than any of them. All else is the last
one's.
"""

import argparse
from pathlib import Path

import torch

from state import save_checkpoint

AVERAGED = ("unet_average", "aggregation_average", "average")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="in the order of their steps")
    args = parser.parse_args()
    saved = [torch.load(path, map_location="cpu") for path in args.checkpoints]
    mean = {name: saved[-1][name] for name in ("step", "minutes", "log_scale") if name in saved[-1]}
    for part in (part for part in AVERAGED if part in saved[-1]):
        mean[part] = {name: sum(s[part][name].float() for s in saved) / len(saved) for name in saved[-1][part]}
    save_checkpoint(args.output, mean)


if __name__ == "__main__":
    main()
