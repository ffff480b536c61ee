"""A sheet of images that the model generates from noise (DDIM, eta 0): it is a diffusion model, if a small one."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

import export
import schedule
from state import prepare_process

STEPS = 50


@torch.no_grad()
def generate(unet, noise: torch.Tensor) -> torch.Tensor:
    """Noise [B, 3, H, W] -> images in [-1, 1]; timesteps 980, 960, ... 0, then the clean end (t = -1)."""
    bars = schedule.alpha_bars()
    stride = schedule.TRAIN_TIMESTEPS // STEPS
    sample = noise
    for t in range(schedule.TRAIN_TIMESTEPS - stride, -1, -stride):
        prediction, _ = unet(sample, torch.full((len(sample),), t))
        bar, following = bars[t + 1], bars[max(t - stride, -1) + 1]
        clean = ((sample - (1 - bar).sqrt() * prediction) / bar.sqrt()).clamp(-1, 1)
        prediction = (sample - bar.sqrt() * clean) / (1 - bar).sqrt()
        sample = following.sqrt() * clean + (1 - following).sqrt() * prediction
    return sample


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    prepare_process(2)
    unet, _ = export.load(args.checkpoint)
    noise = torch.randn(16, 3, args.size, args.size, generator=torch.Generator().manual_seed(args.seed))
    images = (generate(unet, noise).clamp(-1, 1) * 127.5 + 127.5).byte().permute(0, 2, 3, 1).numpy()
    rows = [np.hstack(images[i : i + 8]) for i in range(0, 16, 8)]
    cv2.imwrite(str(args.png), np.vstack(rows)[:, :, ::-1])


if __name__ == "__main__":
    main()
