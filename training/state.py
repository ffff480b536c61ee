"""What both trainings share: process settings, moving average, checkpoints, the JSON-lines log."""

import copy
import json
import os
import time
from pathlib import Path

import cv2
import torch


def prepare_process(threads: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(threads)
    # Subnormal numbers in the optimizer's moments slow a CPU down several times.
    torch.set_flush_denormal(True)


def half_precision(enabled: bool = True):
    """bfloat16 autocast for the forward pass of a training step: 1.4 times faster here. Reports stay in float32."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


class MovingAverage:
    """Exponential moving average of a module's weights; young averages follow faster."""

    def __init__(self, module: torch.nn.Module, decay: float):
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        ours, theirs = list(self.module.parameters()), list(module.parameters())
        torch._foreach_mul_(ours, decay)
        torch._foreach_add_(ours, theirs, alpha=1 - decay)


def save_checkpoint(path: Path, state: dict) -> None:
    temporary = path.with_suffix(f".tmp{os.getpid()}")
    torch.save(state, temporary)
    temporary.rename(path)


class Log:
    """Appends one JSON object per line; `minutes` counts this training's wall-clock time over all its runs."""

    def __init__(self, path: Path, stage: str, minutes_before: float):
        self.path, self.stage = path, stage
        self.start = time.time() - 60 * minutes_before

    def minutes(self) -> float:
        return (time.time() - self.start) / 60

    def write(self, **values) -> None:
        record = {"stage": self.stage, "minutes": round(self.minutes(), 2)}
        record.update({k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()})
        with open(self.path, "a") as out:
            out.write(json.dumps(record) + "\n")
        print(record, flush=True)


def learning_rate(base: float, step: int, warmup: int, minutes: float, budget: float, decay_share: float) -> float:
    """Linear warm-up, constant, then a linear fall to a tenth in the last `decay_share` of the wall-clock budget."""
    rate = base * min(1.0, (step + 1) / warmup)
    left = max(0.0, 1.0 - minutes / budget) / decay_share if decay_share > 0 else 1.0
    return rate * max(0.1, min(1.0, left))
