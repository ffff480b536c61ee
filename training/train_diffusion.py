"""Stage 1: train the UNet as a denoising diffusion model on random crops of a folder of photographs."""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import photos
import schedule
from state import Log, MovingAverage, half_precision, learning_rate, prepare_process, save_checkpoint
from unet import UNet2D

HELD_OUT_TIMESTEPS = (0, 50, 100, 250, 500, 750, 950)


class Crops(torch.utils.data.Dataset):
    """Item i is a function of (seed, i) alone, so a resumed run sees what an uninterrupted one would have seen."""

    def __init__(self, cache: Path, size: int, seed: int, start: int):
        self.photos, self.size, self.seed, self.start = photos.Photos(cache), size, seed, start

    def __len__(self):
        return 1 << 40

    def __getitem__(self, i):
        rng = np.random.default_rng((self.seed, self.start + i))
        crop = photos.random_crop(self.photos[int(rng.choice(self.photos.training))], self.size, rng)
        return torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)


def to_model_range(batch: torch.Tensor) -> torch.Tensor:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return batch.float() / 127.5 - 1.0


def held_out_crops(cache: Path, size: int, count: int) -> torch.Tensor:
    source = photos.Photos(cache)
    crops = [photos.random_crop(source[i], size, np.random.default_rng(i)) for i in source.held_out[:count]]
    return to_model_range(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2))


@torch.no_grad()
def held_out_error(model: UNet2D, crops: torch.Tensor, bars: torch.Tensor) -> dict:
    """Mean squared error of the predicted noise, per timestep, on fixed crops with fixed noise."""
    noise = torch.randn(crops.shape, generator=torch.Generator().manual_seed(1))
    errors = {}
    for t in HELD_OUT_TIMESTEPS:
        timesteps = torch.full((len(crops),), t, dtype=torch.long)
        prediction, _ = model(schedule.add_noise(crops, noise, timesteps, bars), timesteps)
        errors[str(t)] = round(F.mse_loss(prediction, noise).item(), 5)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("--state", type=Path, required=True, help="folder for cache, checkpoints and log")
    parser.add_argument("--minutes", type=float, default=30, help="wall-clock budget")
    parser.add_argument("--steps", type=int, default=1 << 40)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=int, default=200)
    args = parser.parse_args()

    prepare_process(args.threads)
    photos.build(args.images, args.state)
    torch.manual_seed(args.seed)
    model = UNet2D()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.01, foreach=True)
    average = MovingAverage(model, 0.999)
    step, minutes = 0, 0.0
    checkpoint = args.state / "diffusion.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        model.load_state_dict(saved["unet"])
        average.module.load_state_dict(saved["unet_average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, minutes = saved["step"], saved["minutes"]
    log = Log(args.state / "log.jsonl", "diffusion", minutes)
    bars = schedule.alpha_bars()
    crops = held_out_crops(args.state, args.size, 32)

    def save():
        state = {"step": step, "minutes": log.minutes(), "unet": model.state_dict()}
        save_checkpoint(checkpoint, state | {"unet_average": average.module.state_dict(), "optimizer": optimizer.state_dict()})

    dataset = Crops(args.state, args.size, args.seed, step * args.batch)
    sampler = torch.utils.data.SequentialSampler(dataset)
    loader = torch.utils.data.DataLoader(dataset, args.batch, sampler=sampler, num_workers=1, prefetch_factor=4)
    losses, since = [], time.time()
    for batch in loader:
        if log.minutes() >= args.minutes or step >= args.steps:
            break
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        clean = to_model_range(batch)
        noise = torch.randn(clean.shape, generator=generator)
        timesteps = schedule.sample_timesteps(len(clean), generator)
        noisy = schedule.add_noise(clean, noise, timesteps, bars)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(args.rate, step, 100, log.minutes(), args.minutes, 0.2)
        with half_precision():
            prediction, _ = model(noisy, timesteps)
        loss = schedule.denoising_loss(prediction.float(), noise, timesteps, bars)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(model, step)
        losses.append(loss.item())
        if step % 25 == 0:
            log.write(step=step, loss=float(np.mean(losses)), imagesPerSecond=25 * args.batch / (time.time() - since))
            losses, since = [], time.time()
        if step % args.save_every == 0:
            save()
            log.write(step=step, heldOutDenoisingError=held_out_error(average.module, crops, bars))
            since = time.time()
    save()
    log.write(step=step, heldOutDenoisingError=held_out_error(average.module, crops, bars))


if __name__ == "__main__":
    main()
