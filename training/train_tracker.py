"""Trains the mask tracker on roll-outs: sequences in which it meets its own masks. Run again with the same --state to go on.

On a machine without a GPU start one process a core (`--processes 2`): each has one thread and its own sequences, gradients are averaged at
every step. With CUDA the same command uses the device.
"""

import argparse
import json
import os
import socket
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import recognition
from rollouts import Scenes, Snippets, choose_objects
from tracker import Tracker, from_trial, join

SAVE_EVERY = 100
LOG_EVERY = 25
AVERAGING = 0.9985


class Batches(torch.utils.data.IterableDataset):
    """Endless batches of sequences: images uint8 [B, T, S, S, 3], masks uint8 [N, T, S, S], owner [N], known uint8 [B, T, S, S]."""

    def __init__(self, options, rank: int, begin: int):
        self.options, self.rank, self.begin = options, rank, begin

    def __iter__(self):
        cv2.setNumThreads(0)
        options = self.options
        drawn = Scenes(options.cache, options.thin, options.smoke)
        real = Snippets(options.snippets, options.twins) if options.snippets else None
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.begin, self.rank, worker.id if worker else 0))
        while True:
            images, masks, owner, known = [], [], [], []
            while len(images) < options.batch:
                source = real if real and rng.random() < options.real else drawn
                sequence = source.sequence(rng, options.size, options.frames)
                if sequence and source is real and rng.random() < options.before:
                    sequence = drawn.before(rng, sequence)
                chosen = sequence and choose_objects(rng, sequence[1], options.objects)
                if not chosen:
                    continue
                masks.extend(chosen[0])
                owner.extend([len(images)] * len(chosen[0]))
                images.append(sequence[0])
                known.append(chosen[1])
            yield tuple(torch.from_numpy(np.stack(x)) for x in (images, masks, owner, known))


def roll_out(tracker: Tracker, images, masks, owner, known, options, step: int, rng):
    """-> (loss, mean IoU of the last frame)."""
    batch, frames = images.shape[:2]
    x = images.permute(0, 1, 4, 2, 3).flatten(0, 1).float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
    lower = torch.autocast(x.device.type, torch.bfloat16, enabled=options.bfloat16)
    with lower:
        encoded = {k: v.float() for k, v in tracker.encode(x).items()}
    at = [{k: v.unflatten(0, (batch, frames))[:, t] for k, v in encoded.items()} for t in range(frames)]
    truth = F.avg_pool2d(masks.float(), 2)[:, :, None]  # N x T x 1 x S/2 x S/2
    known = 1 - F.max_pool2d(1 - known.float(), 2)[:, :, None]
    last = truth[:, 0]
    memory = [memorise(tracker, at[0], owner, last, lower)]
    loss = 0.0
    for t in range(1, frames):
        read = tracker.read(at[t], owner, memory)
        with lower:
            logits, _ = tracker.decode(at[t], owner, read, last)
        logits = join(logits.float(), owner, batch)
        target, counts = truth[:, t], known[owner, t]
        probability = torch.sigmoid(logits)
        error = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * counts
        # The hardest pixels count more and more (bootstrapping, as STCN and XMem are trained).
        hardest = 1.0 if step < 600 else max(0.25, 1 - (step - 600) / 2000 * 0.75)
        pixels = error.flatten(1).topk(int(hardest * error[0].numel()), 1)[0].mean()
        p, y = probability * counts, target * counts
        dice = 1 - (2 * (p * y).sum((1, 2, 3)) + 12) / (p.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 12)
        with torch.no_grad():
            found, true = (probability > 0.5) & (counts > 0), y > 0.5
            union = (found | true).sum((1, 2, 3))
            iou = torch.where(union < 5, torch.ones_like(dice), (found & true).sum((1, 2, 3)) / union.clamp(min=1))
        loss = loss + pixels + 0.5 * dice.mean()
        last = probability.detach() if rng.random() < 0.5 else probability
        if t < frames - 1:
            memory.append(memorise(tracker, at[t], owner, last, lower))
    return loss / (frames - 1), iou.mean().item()


def memorise(tracker: Tracker, maps, owner, mask, lower) -> dict:
    with lower:
        return {k: v.float() for k, v in tracker.memorise(maps, owner, mask).items()}


def average_gradients(parameters, processes: int) -> None:
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= processes
    for p, g in zip(parameters, flat.split([p.numel() for p in parameters])):
        p.grad.copy_(g.view_as(p))


def new_tracker(options) -> Tracker:
    if options.trial:
        return from_trial(options.trial)
    tracker = Tracker()
    if options.pretrained:
        recognition.load_pretrained(tracker.encoder, options.pretrained)
    if options.weights:
        given = torch.load(options.weights, map_location="cpu")
        given = given.get("average", given)
        tracker.load_state_dict({**tracker.state_dict(), **{name: weight.float() for name, weight in given.items()}})
    return tracker


def train(rank: int, options) -> None:
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    if options.processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port))
        dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    path = options.state / "tracker.pt"
    if path.exists():
        stored = torch.load(path, map_location=device)
        tracker = Tracker().to(device)
        tracker.load_state_dict(stored["model"])
    else:
        stored = None
        if rank == 0 and not (options.state / "new.pt").exists():
            options.state.mkdir(parents=True, exist_ok=True)
            torch.save(new_tracker(options).state_dict(), options.state / "new.pt")
        if options.processes > 1:
            dist.barrier()
        tracker = Tracker().to(device)
        tracker.load_state_dict(torch.load(options.state / "new.pt", map_location=device))
    tracker = tracker.to(memory_format=torch.channels_last)
    tracker.requires_grad_(True)
    tracker.encoder.requires_grad_(False)
    encoder = list(recognition.trainable_blocks(tracker.encoder, options.encoder_from)) if options.encoder_from < 16 else []
    for p in encoder:
        p.requires_grad_(True)
    # A handful of temperatures and weights of labels, which must be able to go far.
    scales = [tracker.log_scale, tracker.log_reach, tracker.label_weight]
    chosen = lambda name: not name.startswith("encoder.") and (not options.only or name.split(".")[0] in options.only)
    own = [p for n, p in tracker.named_parameters() if chosen(n) and all(p is not s for s in scales)]
    if options.only:
        tracker.requires_grad_(False)
        scales = []
        for p in own:
            p.requires_grad_(True)
    groups = [{"params": own, "rate": 1.0, "weight_decay": 0.005}, {"params": scales, "rate": 5.0, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW([*groups, {"params": encoder, "rate": 0.1, "weight_decay": 0.005}], lr=options.rate)
    step = 0
    average = Tracker().to(device).requires_grad_(False)
    average.load_state_dict(stored["average"] if stored else tracker.state_dict())
    if stored:
        step = stored["step"]
        moments = stored["optimiser"]
        if [len(group["params"]) for group in moments["param_groups"]] == [len(group["params"]) for group in optimiser.param_groups]:
            optimiser.load_state_dict(moments)
    tracker.train()
    loader = iter(torch.utils.data.DataLoader(Batches(options, rank, step), None, num_workers=1, prefetch_factor=4))
    rng = np.random.default_rng((step, rank))
    begin, since, recent, begun = time.time(), time.time(), [], step
    parameters = own + scales + encoder
    parent = os.getppid()
    while True:
        if options.processes > 1 and os.getppid() != parent:
            break  # whoever started the processes has been stopped
        minutes = torch.tensor((time.time() - begin) / 60)
        if options.processes > 1:
            dist.broadcast(minutes, 0)
        minutes = minutes.item()
        done = minutes > options.minutes or step >= options.steps
        if rank == 0 and (done or step % SAVE_EVERY == 0) and step > (stored["step"] if stored else -1):
            state = {"model": tracker.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
            torch.save(state, path.with_suffix(".partial"))
            path.with_suffix(".partial").rename(path)
        if done:
            break
        decay = min(1.0, max(0.03, (1 - minutes / options.minutes) / options.cooldown)) if options.cooldown > 0 else 1.0
        for group in optimiser.param_groups:
            group["lr"] = options.rate * group["rate"] * min(1.0, (step - begun + 1) / 100) * decay
        images, masks, owner, known = (t.to(device) for t in next(loader))
        loss, iou = roll_out(tracker, images, masks, owner, known, options, step, rng)
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        if options.processes > 1:
            average_gradients(parameters, options.processes)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        step += 1
        with torch.no_grad():
            keep = min(AVERAGING, (1 + step) / (10 + step))
            for a, t in zip(average.parameters(), tracker.parameters()):
                a.lerp_(t, 1 - keep)
        recent.append((loss.item(), iou, norm.item()))
        if step % LOG_EVERY == 0 and rank == 0:
            mean = np.mean(recent, 0)
            entry = {"step": step, "loss": mean[0], "iou": mean[1], "gradient": mean[2], "seconds": (time.time() - since) / len(recent)}
            entry = {k: round(float(v), 4) for k, v in entry.items()}
            entry |= {"frames": options.frames, "size": options.size, "rate": round(optimiser.param_groups[0]["lr"], 6)}
            with open(options.state / "tracker-log.jsonl", "a") as log:
                log.write(json.dumps(entry) + "\n")
            print(json.dumps(entry), flush=True)
            recent, since = [], time.time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--cache", type=Path, required=True, help="folder of photographs and cut-outs (photos.py, cutouts.py)")
    parser.add_argument("--pretrained", type=Path, help="EfficientNet-Lite0's published weights; for the first run")
    parser.add_argument("--weights", type=Path, help="weights to begin with, or a checkpoint (its mean): tracker-weights.pt are the shipped ones, of all but the encoder")
    parser.add_argument("--trial", type=Path, help="weights of the trial, to begin with")
    parser.add_argument("--snippets", type=Path, help="folder of label_clips.py")
    parser.add_argument("--real", type=float, default=0.5, help="share of sequences from snippets")
    parser.add_argument("--twins", type=float, default=0.35, help="share of snippets with one of their objects once more")
    parser.add_argument("--before", type=float, default=0.35, help="share of snippets with cut-outs before them")
    parser.add_argument("--thin", type=float, default=0.3, help="share of cut-outs with thin parts")
    parser.add_argument("--smoke", type=float, default=0.15, help="share of drawn scenes with smoke")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--objects", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2, help="sequences a process and step")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--cooldown", type=float, default=0.3, help="the last share of the minutes in which the rate falls")
    parser.add_argument("--encoder-from", type=int, default=16, help="train the encoder's blocks from this on (16: none)")
    parser.add_argument("--only", nargs="+", default=[], help="names of layers: no others are trained")
    parser.add_argument("--bfloat16", action="store_true", help="convolutions in bfloat16: a third less time on CPUs that have it")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=1 << 30)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            options.port = free.getsockname()[1]
        mp.spawn(train, (options,), options.processes)
    else:
        train(0, options)


if __name__ == "__main__":
    main()
