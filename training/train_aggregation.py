"""Trains the paper's aggregation network on annotated image pairs of one's own, for any model that was imported.

The loss, optimizer and settings are the paper's (section 3.2 and 4): symmetric cross-entropy over the similarity matrix,
logit scale 1/0.07, AdamW at 1e-3 without weight decay, one pair a step, up to 5000 steps. Features are extracted once for
every image by the command line program; the result is a checkpoint that `propagate models import --aggregation` takes.

Annotations are a JSON list as the released code reads them: source_path, target_path, source_points and target_points
[[x, y], ...] in pixels, and (if the images are not at hand) source_size and target_size [width, height].
"""

import argparse
import hashlib
import json
import pickle
import shlex
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from aggregation import AggregationNetwork

LOGIT_SCALE = float(np.exp(np.float32(np.log(1 / 0.07))))
LEARNING_RATE = 1e-3
STEPS = 5000
WIDTH = 384


class DataUnpickler(pickle.Unpickler):
    """Of a checkpoint from elsewhere only data is read: tensors, dicts, lists, numbers. Nothing it names is run."""

    ALLOWED = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch", "FloatStorage")}

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"the checkpoint names {module}.{name}, which is not data")
        return super().find_class(module, name)


def read_weights(path: Path) -> dict:
    if not zipfile.is_zipfile(path):
        raise SystemExit(f"{path} is not a checkpoint of PyTorch 1.6 or later.")
    reader = SimpleNamespace(Unpickler=DataUnpickler)
    return torch.load(path, map_location="cpu", pickle_module=reader)["aggregation_network"]


class Features:
    """The layers of an imported model, all on the output grid, extracted by the program and cached as .npy files."""

    def __init__(self, program: str, model: str, steps: list, cache: Path):
        self.program, self.model, self.cache = shlex.split(program), model, cache
        info = json.loads(subprocess.run([*self.program, "models", "info", model], capture_output=True, check=True).stdout)
        self.channels = [tap["channels"] for tap in info["taps"]]
        self.grid = info["descriptor"]["grid"]["height"]
        saved = info["schedule"]["saveTimesteps"]
        # The call on the clean image is the same in every process, so alone it makes a one-step model.
        self.steps = steps or saved[:1]
        self.process = info["schedule"]["steps"]
        one_step = self.steps == [self.process - 1]
        self.config = {
            "num_timesteps": 1 if one_step else self.process,
            "save_timestep": [0] if one_step else self.steps,
            "output_resolution": self.grid,
        }
        self.recipe = {"name": "raw", "description": "Every layer as it is.", "model": model}
        self.recipe["features"] = {"steps": self.steps, "aggregation": "concatenation"}
        cache.mkdir(parents=True, exist_ok=True)

    def of(self, image: Path) -> torch.Tensor:
        """[steps * sum(channels), grid, grid]: step by step, layer by layer."""
        key = hashlib.sha256(json.dumps([str(image.resolve()), self.recipe, self.grid]).encode()).hexdigest()[:16]
        path = self.cache / f"{image.stem}-{key}.npy"
        if not path.exists():
            recipe = self.cache / "recipe.json"
            recipe.write_text(json.dumps(self.recipe))
            command = [*self.program, "features", str(image), "--model", self.model, "--preset", str(recipe)]
            subprocess.run([*command, "-o", str(path)], check=True)
        return torch.from_numpy(np.load(path)[0])


def split(features: torch.Tensor, channels: list, steps: int) -> list:
    """[B, steps * sum(channels), h, w] -> for each step the list of its layers."""
    maps = torch.split(features, channels * steps, dim=1)
    return [list(maps[s * len(channels) : (s + 1) * len(channels)]) for s in range(steps)]


def aggregate(network: AggregationNetwork, features: torch.Tensor, channels: list) -> torch.Tensor:
    weights = network.mixing()
    return sum(network(layers, weights[s]) for s, layers in enumerate(split(features, channels, network.steps)))


def cells(points: list, size: list, grid: int) -> torch.Tensor:
    """Points [[x, y], ...] of an image of `size` [width, height] as cell numbers: scaled, clipped, rounded half to even."""
    scaled = torch.tensor(points, dtype=torch.float64) * grid / torch.tensor(size, dtype=torch.float64)
    x, y = scaled.clamp(0, grid - 1).round().long().unbind(1)
    return y * grid + x


def pair_loss(maps: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """maps [2, C, h, w] of one pair; cell numbers of its points. Mean of both directions' cross-entropies."""
    rows = F.normalize(maps.flatten(2).transpose(1, 2), dim=2)
    forwards = LOGIT_SCALE * rows[0, source] @ rows[1].T
    backwards = LOGIT_SCALE * rows[1, target] @ rows[0].T
    return (F.cross_entropy(forwards, target) + F.cross_entropy(backwards, source)) / 2


def image_size(path: Path) -> list:
    height, width = cv2.imread(str(path)).shape[:2]
    return [width, height]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("annotations", type=Path, help="JSON list of annotated pairs")
    parser.add_argument("--images", type=Path, help="folder that the paths are relative to (default: the annotations')")
    parser.add_argument("--model", required=True, help='an imported model; "models import" without --aggregation makes one')
    parser.add_argument("--program", default="propagate", help="how the command line program is started")
    parser.add_argument("--cache", type=Path, default=Path("features"), help="folder for extracted features")
    parser.add_argument("--save-steps", type=lambda s: [int(k) for k in s.split(",")], default=[],
                        help="saved steps, such as 49,45,40 (default: the first, for a one-step model)")
    parser.add_argument("--width", type=int, default=WIDTH, help="channels of the descriptor")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps, a pair each")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (its weights only)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write, .pt")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    pairs = json.loads(args.annotations.read_text())
    images = args.images or args.annotations.parent
    features = Features(args.program, args.model, args.save_steps, args.cache)
    scales = [1.0] * len(features.channels)
    network = AggregationNetwork(features.channels, scales, len(features.steps), args.width, args.width // 4)
    if args.start:
        network.load_state_dict(read_weights(args.start))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0)
    order = np.random.RandomState(args.seed).permutation(len(pairs))

    def write(step):
        config = {**features.config, "projection_dim": args.width, "dims": features.channels}
        state = {"step": step, "config": config, "aggregation_network": network.state_dict()}
        temporary = args.output.with_suffix(".partial")
        torch.save({**state, "optimizer_state_dict": optimizer.state_dict()}, temporary)
        temporary.rename(args.output)

    for step in range(args.steps):
        pair = pairs[order[step % len(pairs)]]
        source_path, target_path = (images / pair[f"{which}_path"] for which in ("source", "target"))
        maps = torch.stack([features.of(source_path), features.of(target_path)])
        source = cells(pair["source_points"], pair.get("source_size") or image_size(source_path), features.grid)
        target = cells(pair["target_points"], pair.get("target_size") or image_size(target_path), features.grid)
        loss = pair_loss(aggregate(network, maps, features.channels), source, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step < 10 or step % 100 == 0:
            print(json.dumps({"step": step, "loss": loss.item()}), flush=True)
        if step % 1000 == 999:
            write(step + 1)
    write(args.steps)
    print(json.dumps({"done": args.steps, "checkpoint": str(args.output)}), flush=True)


if __name__ == "__main__":
    main()
