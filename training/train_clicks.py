"""Trains the click decoder with a simulated user, as RITM (Sofiiuk et al. 2021) does. Run again with the same --state to go on.

One thread on one core takes an hour or two: the encoder is frozen, and each picture is looked at once for several rounds of clicks.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import recognition
import state as shared
from clicks import ClickDecoder
from hints import SHAPES, Selections, User

SAVE_EVERY = 25
LOG_EVERY = 25
AVERAGING = 0.997


class Batches(torch.utils.data.IterableDataset):
    """Endless batches: images uint8 [B, H, W, 3], masks and rests uint8 [B, H, W]."""

    def __init__(self, options, begin: int):
        self.options, self.begin = options, begin

    def __iter__(self):
        cv2.setNumThreads(0)
        options = self.options
        source = Selections(options.cache, options.images, options.masks, options.masked)
        rng = np.random.default_rng(self.begin)
        while True:
            height, width = SHAPES[int(rng.integers(len(SHAPES)))]
            samples = []
            while len(samples) < options.batch:
                sample = source.sample(rng, round(height * options.size / 8192) * 32, round(width * options.size / 8192) * 32)
                if sample:
                    samples.append(sample)
            yield tuple(torch.from_numpy(np.stack(x)) for x in zip(*samples))


def loss_of(logits, truth):
    """-> (loss, mean IoU)"""
    probability = torch.sigmoid(logits)
    pixels = F.binary_cross_entropy_with_logits(logits, truth)
    dice = 1 - (2 * (probability * truth).sum((1, 2, 3)) + 8) / (probability.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 8)
    with torch.no_grad():
        found, true = probability > 0.5, truth > 0.5
        iou = (found & true).sum((1, 2, 3)) / (found | true).sum((1, 2, 3)).clamp(min=1)
    return pixels + dice.mean(), iou.mean().item()


def train(options) -> None:
    shared.prepare_process(1)
    options.state.mkdir(parents=True, exist_ok=True)
    path = options.state / "clicks.pt"
    encoder = recognition.RecognitionEncoder().requires_grad_(False)
    if options.pretrained:
        recognition.load_pretrained(encoder, options.pretrained)
    decoder = ClickDecoder()
    stored = torch.load(path, map_location="cpu") if path.exists() else None
    if stored:
        decoder.load_state_dict(stored["model"])
    else:
        given = torch.load(options.weights, map_location="cpu")
        if not any(name.startswith("pyramid.") for name in given):
            given = {f"pyramid.{name}": value for name, value in given.items()}  # the tracker's, which has more than that
        decoder.load_state_dict({name: given.get(name, value) for name, value in decoder.state_dict().items()})
    decoder.pyramid.requires_grad_(False)
    parameters = [p for p in decoder.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=options.rate, weight_decay=0.01)
    average = ClickDecoder().requires_grad_(False)
    average.load_state_dict(stored["average"] if stored else decoder.state_dict())
    step = 0
    if stored:
        step = stored["step"]
        optimiser.load_state_dict(stored["optimiser"])
    begun, begin, recent = step, time.time(), []
    log = shared.Log(options.state / "clicks-log.jsonl", "clicks", stored["minutes"] if stored else 0)
    loader = iter(torch.utils.data.DataLoader(Batches(options, step), None, num_workers=1, prefetch_factor=4))
    rng = np.random.default_rng(step)
    while True:
        minutes = (time.time() - begin) / 60
        done = minutes > options.minutes or step >= options.steps
        if step > begun and (done or step % SAVE_EVERY == 0):
            kept = {"model": decoder.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
            shared.save_checkpoint(path, kept | {"step": step, "minutes": log.minutes()})
        if done:
            break
        rate = shared.learning_rate(options.rate, step - begun, 100, minutes, options.minutes, options.cooldown)
        for group in optimiser.param_groups:
            group["lr"] = rate
        images, masks, rests = next(loader)
        x = images.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        users = [User(rng, mask, rest) for mask, rest in zip(masks.numpy(), rests.numpy())]
        truth = torch.from_numpy(np.stack([user.truth for user in users]))[:, None]
        with shared.half_precision():
            with torch.no_grad():
                pyramid = decoder.pyramid(encoder(x))
        optimiser.zero_grad(set_to_none=True)
        scores = []
        for turn in range(options.rounds):
            hints = torch.from_numpy(np.stack([user.hints for user in users]))
            with shared.half_precision():
                logits = decoder.decode(decoder.project(pyramid), hints)
            loss, iou = loss_of(logits, truth)
            (loss / options.rounds).backward()
            scores += [loss.item(), iou]
            if turn < options.rounds - 1:
                for user, answer in zip(users, torch.sigmoid(logits.detach())[:, 0].numpy()):
                    user.correct(answer)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        step += 1
        keep = min(AVERAGING, (1 + step) / (10 + step))
        with torch.no_grad():
            for (_, a), (_, b) in zip(average.state_dict().items(), decoder.state_dict().items()):
                a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)
        recent.append([*scores, norm.item()])
        if step % LOG_EVERY == 0:
            mean = np.mean(recent, 0)
            losses, ious = mean[0:-1:2], mean[1:-1:2]
            log.write(step=step, rate=rate, loss=float(losses.mean()), iou=[round(float(v), 4) for v in ious], gradient=float(mean[-1]))
            recent = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--cache", type=Path, required=True, help="folder of photographs and cut-outs (photos.py, cutouts.py)")
    parser.add_argument("--images", type=Path, required=True, help="the photographs that the cache was made of")
    parser.add_argument("--masks", type=Path, required=True, help="their soft masks, PNGs of the same names; what is not plausible is left out")
    parser.add_argument("--masked", type=Path, required=True, help="folder of .jpg photographs, each with a .png mask of the same name, all trusted")
    parser.add_argument("--pretrained", type=Path, help="EfficientNet-Lite0's published weights (without: a toy's)")
    parser.add_argument("--weights", type=Path, required=True, help="to begin with: tracker-weights.pt, or clicks-weights.pt, which are the shipped ones")
    parser.add_argument("--size", type=int, default=256, help="side of a square picture; others have about its area")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of clicks a picture")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--cooldown", type=float, default=0.5, help="the last share of the minutes in which the rate falls")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=1 << 30)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
