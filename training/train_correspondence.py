"""Stage 2: train the aggregation network and the UNet on correspondences that are known by construction.

Three losses on every step: symmetric cross-entropy over cosine similarities (the paper's), label propagation from two
memory frames (what the product does), and denoising on photographs, which keeps the UNet a diffusion model.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import aggregation
import photos
import schedule
from scenes import FRAMES, SceneMaker
from state import Log, MovingAverage, half_precision, learning_rate, prepare_process, save_checkpoint
from train_diffusion import held_out_crops, held_out_error, to_model_range
from unet import UNet2D

CLEAN = -1.0
FIXED_SEED = 77


class Batches(torch.utils.data.Dataset):
    """Item i: `scenes` scenes stacked, and `crops` plain crops for denoising; a function of (seed, i) alone."""

    def __init__(self, cache: Path, size: int, scenes: int, crops: int, seed: int, start: int):
        self.maker, self.photos = SceneMaker(cache), photos.Photos(cache)
        self.size, self.scenes, self.crops, self.seed, self.start = size, scenes, crops, seed, start

    def __len__(self):
        return 1 << 40

    def __getitem__(self, i):
        rng = np.random.default_rng((self.seed, self.start + i))
        batch = stack([self.maker(rng, self.size) for _ in range(self.scenes)])
        crops = [photos.random_crop(self.photos[int(rng.choice(self.photos.training))], 128, rng) for _ in range(self.crops)]
        return batch | {"crops": torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)}


def stack(scenes: list) -> dict:
    return {k: torch.from_numpy(np.stack([s[k] for s in scenes])) for k in scenes[0]}


def descriptors(unet, network, images: torch.Tensor) -> torch.Tensor:
    """uint8 [B, F, 3, S, S] -> L2-normalised [B, F, C, N] from one call on the clean image (t = -1)."""
    batch, frames = images.shape[:2]
    with half_precision(torch.is_grad_enabled()):
        _, taps = unet(to_model_range(images.flatten(0, 1)), torch.full((batch * frames,), CLEAN))
        features = network(taps, network.mixing()[0]).float().flatten(2)
    return F.normalize(features, dim=1).view(batch, frames, *features.shape[1:])


def matching_loss(logits: torch.Tensor, flow: torch.Tensor, visible: torch.Tensor, grid: int) -> torch.Tensor:
    """Cross-entropy of rows [B, Q, N] against the four cells around `flow` [B, Q, 2], weighted bilinearly."""
    log_p = logits.log_softmax(2)
    corner = flow.floor().clamp(0, grid - 2)
    part = (flow - corner).clamp(0, 1)
    index = (corner[..., 1] * grid + corner[..., 0]).long()[..., None] + torch.tensor([0, 1, grid, grid + 1])
    x, y = part[..., 0], part[..., 1]
    weight = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], 2)
    loss = -(weight * log_p.gather(2, index)).sum(2)
    return (loss * visible).sum() / visible.sum().clamp(min=1)


def near_edges(labels: torch.Tensor, grid: int) -> torch.Tensor:
    """[B, K, N] -> [B, N]: 1 for cells within two of a label boundary, else 0."""
    mixed = ((labels > 0.05) & (labels < 0.95)).any(1).float().view(-1, 1, grid, grid)
    return F.max_pool2d(mixed, 5, stride=1, padding=2).flatten(1)


def choose(weight: torch.Tensor, count: int) -> torch.Tensor:
    """Distinct random cells [B, count] with chances in proportion to `weight` [B, N]: all N x N would cost three times more."""
    return torch.multinomial(weight, min(count, weight.shape[1]))


def pick(values: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """values [B, N, ...] at cells [B, Q] -> [B, Q, ...]."""
    return torch.stack([v[c] for v, c in zip(values, cells)])


def propagated(logits: torch.Tensor, labels: list) -> torch.Tensor:
    """Soft labels [B, Q, K] propagated from all cells of all memory frames; logits [B, Q, frames * N], labels [B, K, N] each."""
    return torch.softmax(logits, 2) @ torch.cat(labels, 2).transpose(1, 2)


def label_loss(logits: torch.Tensor, labels: list, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the carried labels with target [B, Q, K]."""
    predicted = propagated(logits, labels)
    # A layer that no memory frame shows cannot be propagated.
    known = torch.cat(labels, 2).amax(2)[:, None] > 0.5
    weight = ((target * known).sum(2) > 0.5).float()
    entropy = -(target * (predicted * 0.998 + 5e-4).log()).sum(2)
    return (entropy * weight).sum() / weight.sum().clamp(min=1)


def losses(features: torch.Tensor, batch: dict, scale: torch.Tensor, queries: int) -> tuple:
    """(matching, label) loss; each frame's queries lean to the edges of objects, where masks are won and lost."""
    labels = batch["labels"].flatten(3)
    grid = batch["labels"].shape[-1]
    cells = [choose(1.0 + 3.0 * near_edges(labels[:, f], grid), queries) for f in range(FRAMES)]
    last = FRAMES - 1
    asked = [scale * pick(features[:, f].transpose(1, 2), cells[f]) for f in range(FRAMES)]  # B x Q x C
    matching, similarities = 0.0, []
    for memory in range(last):
        similarities.append(asked[last] @ features[:, memory])
        for way, f, logits in ((2 * memory, memory, asked[memory] @ features[:, last]), (2 * memory + 1, last, similarities[-1])):
            flow, visible = pick(batch["flow"][:, way], cells[f]), pick(batch["visible"][:, way], cells[f])
            matching = matching + matching_loss(logits, flow, visible, grid) / (2 * last)
    target = pick(labels[:, last].transpose(1, 2), cells[last])
    return matching, label_loss(torch.cat(similarities, 2), [labels[:, m] for m in range(last)], target)


@torch.no_grad()
def fixed_accuracy(unet, network, scenes: dict, scale: float) -> dict:
    """On scenes of held-out photographs: matches in the exact cell / within one cell, and IoU of the carried objects."""
    exact, near, count, ious = 0, 0, 0, []
    grid = scenes["labels"].shape[-1]
    for b in range(len(scenes["images"])):
        one = {k: v[b : b + 1] for k, v in scenes.items()}
        features = descriptors(unet, network, one["images"])
        similarities = [scale * features[:, FRAMES - 1].transpose(1, 2) @ features[:, m] for m in range(FRAMES - 1)]
        for m, logits in enumerate(similarities):
            best = logits[0].argmax(1)
            cell = torch.stack([best % grid, best // grid], 1)
            error = (cell - one["flow"][0, 2 * m + 1].round()).abs().amax(1)[one["visible"][0, 2 * m + 1]]
            exact, near, count = exact + (error < 0.5).sum().item(), near + (error < 1.5).sum().item(), count + len(error)
        labels = one["labels"].flatten(3)
        got = propagated(torch.cat(similarities, 2), [labels[:, m] for m in range(FRAMES - 1)])[0].argmax(1)
        want = labels[0, FRAMES - 1].argmax(0)
        for k in want.unique().tolist():
            if k > 0 and (labels[0, : FRAMES - 1, k].amax() > 0.5):
                ious.append((((got == k) & (want == k)).sum() / ((got == k) | (want == k)).sum()).item())
    return {"exactCell": exact / count, "withinOneCell": near / count, "carriedIoU": float(np.mean(ious))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder with stage 1's checkpoint and the caches")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, default=1 << 40)
    parser.add_argument("--scenes", type=int, default=2)
    parser.add_argument("--crops", type=int, default=2)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--queries", type=int, default=512, help="cells per frame that are matched")
    parser.add_argument("--rate", type=float, default=1e-3, help="aggregation network")
    parser.add_argument("--unet-rate", type=float, default=3e-4)
    parser.add_argument("--label-weight", type=float, default=1.0)
    parser.add_argument("--denoising-weight", type=float, default=0.5)
    parser.add_argument("--fixed-scenes", type=int, default=12, help="held-out scenes for the accuracy in the log")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--keep-every", type=int, default=3600, help="steps between copies that stay, for average.py")
    args = parser.parse_args()

    prepare_process(args.threads)
    torch.manual_seed(args.seed)
    unet = UNet2D()
    network = aggregation.for_unet(unet)
    log_scale = torch.nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    checkpoint = args.state / "correspondence.pt"
    saved = torch.load(checkpoint, map_location="cpu") if checkpoint.exists() else None
    if saved is None:
        unet.load_state_dict(torch.load(args.state / "diffusion.pt", map_location="cpu")["unet_average"])
    else:
        # A compact checkpoint holds the averages only; load_state_dict turns its float16 into float32.
        unet.load_state_dict(saved.get("unet", saved["unet_average"]))
        network.load_state_dict(saved.get("aggregation", saved["aggregation_average"]))
        log_scale.data.copy_(saved["log_scale"])
    groups = [{"params": unet.parameters(), "base": args.unet_rate}, {"params": [*network.parameters(), log_scale], "base": args.rate}]
    optimizer = torch.optim.AdamW(groups, lr=args.rate, weight_decay=0.01, foreach=True)
    average = MovingAverage(torch.nn.ModuleList([unet, network]), 0.998)
    step, minutes = 0, 0.0
    if saved is not None:
        average.module[0].load_state_dict(saved["unet_average"])
        average.module[1].load_state_dict(saved["aggregation_average"])
        step, minutes = saved["step"], saved["minutes"]
        if "optimizer" in saved:
            optimizer.load_state_dict(saved["optimizer"])
        for group, fresh in zip(optimizer.param_groups, groups):
            group["base"] = fresh["base"]
    warm_from = step if saved is None or "optimizer" not in saved else 0
    log = Log(args.state / "log.jsonl", "correspondence", minutes)
    bars = schedule.alpha_bars()
    crops = held_out_crops(args.state, 128, 16)
    maker = SceneMaker(args.state, held_out=True)
    fixed = stack([maker(np.random.default_rng((FIXED_SEED, i)), args.size) for i in range(args.fixed_scenes)])

    def averages() -> dict:
        state = {"step": step, "minutes": log.minutes(), "log_scale": log_scale.data}
        return state | {"unet_average": average.module[0].state_dict(), "aggregation_average": average.module[1].state_dict()}

    def save():
        state = averages() | {"unet": unet.state_dict(), "aggregation": network.state_dict()}
        save_checkpoint(checkpoint, state | {"optimizer": optimizer.state_dict()})

    def report():
        ours = fixed_accuracy(average.module[0], average.module[1], fixed, log_scale.exp().item())
        log.write(step=step, **ours, heldOutDenoisingError=held_out_error(average.module[0], crops, bars))

    dataset = Batches(args.state, args.size, args.scenes, args.crops, args.seed, step)
    sampler = torch.utils.data.SequentialSampler(dataset)
    loader = torch.utils.data.DataLoader(dataset, None, sampler=sampler, num_workers=1, prefetch_factor=4)
    recent, since = [], time.time()
    for batch in loader:
        if log.minutes() >= args.minutes or step >= args.steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(group["base"], step - warm_from, 100, log.minutes(), args.minutes, 0.35)
        matching, carried = losses(descriptors(unet, network, batch["images"]), batch, log_scale.exp(), args.queries)
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        clean = to_model_range(batch["crops"])
        noise = torch.randn(clean.shape, generator=generator)
        timesteps = schedule.sample_timesteps(len(clean), generator)
        with half_precision():
            prediction, _ = unet(schedule.add_noise(clean, noise, timesteps, bars), timesteps)
        denoising = schedule.denoising_loss(prediction.float(), noise, timesteps, bars)
        optimizer.zero_grad(set_to_none=True)
        (matching + args.label_weight * carried + args.denoising_weight * denoising).backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            log_scale.clamp_(math.log(1 / 0.2), math.log(1 / 0.03))
        step += 1
        average.update(torch.nn.ModuleList([unet, network]), step)
        recent.append([matching.item(), carried.item(), denoising.item()])
        if step % 25 == 0:
            means = np.mean(recent, 0).tolist()
            rate = 25 * (args.scenes * FRAMES + args.crops) / (time.time() - since)
            log.write(step=step, matching=means[0], labels=means[1], denoising=means[2], temperature=1 / log_scale.exp().item(), imagesPerSecond=rate)
            recent, since = [], time.time()
        if step % args.keep_every == 0:
            save_checkpoint(checkpoint.with_stem(f"correspondence-{step}"), averages())
        if step % args.save_every == 0:
            save()
            report()
            since = time.time()
    save()
    report()


if __name__ == "__main__":
    main()
