"""What each tap is worth: accuracy on the fixed synthetic scenes with one left out at a time, as a table in Markdown.

    python3 training/leave_out.py STATE
"""

import argparse
from pathlib import Path

import numpy as np

import export
from scenes import SceneMaker
from state import prepare_process
from train_correspondence import FIXED_SEED, fixed_accuracy, stack

# A mixing weight so small that nothing of the tap is left.
NOTHING = -30.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path, help="folder with the checkpoint and the caches")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    prepare_process(args.threads)
    checkpoint = args.state / "correspondence.pt"
    unet, network = export.load(checkpoint)
    scale = 1 / export.trained_for(checkpoint)["temperature"]
    maker = SceneMaker(args.state, held_out=True)
    scenes = stack([maker(np.random.default_rng((FIXED_SEED, i)), args.size) for i in range(args.scenes)])

    def row(name: str) -> None:
        accuracy = fixed_accuracy(unet, network, scenes, scale)
        print(f"| {name} | {' | '.join(f'{100 * value:.1f}' for value in accuracy.values())} |", flush=True)

    print("| left out | exact cell, % | within one cell, % | carried IoU, % |")
    print("| --- | ---: | ---: | ---: |")
    row("nothing")
    logits = network.mixing_weights.data
    for tap, name in enumerate(unet.tap_names()):
        kept = logits[tap].item()
        logits[tap] = NOTHING
        row(f"{tap + 1}: {name}")
        logits[tap] = kept


if __name__ == "__main__":
    main()
