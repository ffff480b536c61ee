"""IoU after 1, 3 and 5 simulated clicks on the first frames of a DAVIS folder, without exporting: a look on the way.

    python3 training/evaluate_clicks.py STATE/clicks.pt efficientnet-lite0-57934424.pth DAVIS --side 384
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch

import recognition
from clicks import ClickDecoder
from hints import RADIUS, STRIDE, depth

CLICKS = 5


@torch.no_grad()
def scores(encoder, decoder, image: np.ndarray, truth: np.ndarray, side: int, again: bool) -> list:
    """IoU after each click. @again lets the decoder correct its own answer once before the user does"""
    scale = side / min(image.shape[:2])
    width, height = (recognition.side_for(n, scale) for n in image.shape[1::-1])
    pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1
    maps = decoder.prepare(encoder(x))
    hints = np.zeros((4, height // STRIDE, width // STRIDE), np.float32)
    found, result = np.zeros_like(truth), []
    for _ in range(CLICKS):
        missing, excess = depth(truth & ~found), depth(~truth & found)
        kind, errors = (0, missing) if missing.max() >= excess.max() else (1, excess)
        y, x = np.unravel_index(int(errors.argmax()), errors.shape)
        cell = (int((x + 0.5) * hints.shape[2] / truth.shape[1]), int((y + 0.5) * hints.shape[1] / truth.shape[0]))
        cv2.circle(hints[kind], cell, RADIUS, 1, cv2.FILLED)
        for _ in range(1 + again):
            logits = decoder.decode(maps, torch.from_numpy(hints)[None])
            hints[3] = torch.sigmoid(logits)[0, 0].numpy()
        full = cv2.resize(logits[0, 0].numpy(), truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        found = full > 0
        result.append(100 * (found & truth).sum() / (found | truth).sum())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("pretrained", type=Path)
    parser.add_argument("davis", type=Path)
    parser.add_argument("--side", type=int, nargs="+", default=[384])
    parser.add_argument("--weights", choices=["average", "model"], default="average")
    parser.add_argument("--again", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = recognition.RecognitionEncoder()
    recognition.load_pretrained(encoder, args.pretrained)
    stored = torch.load(args.checkpoint, map_location="cpu")
    decoder = ClickDecoder().eval()
    decoder.load_state_dict(stored[args.weights])
    print("step", stored["step"])
    sequences = sorted((args.davis / "Annotations" / "480p").iterdir())
    for side in args.side:
        begin, table = time.time(), []
        for sequence in sequences:
            annotation = sorted(sequence.glob("*.png"))[0]
            truth = cv2.imread(str(annotation), cv2.IMREAD_GRAYSCALE) > 0
            image = cv2.imread(str(args.davis / "JPEGImages" / "480p" / sequence.name / f"{annotation.stem}.jpg"))[:, :, ::-1]
            table.append(scores(encoder, decoder, image, truth, side, bool(args.again)))
            print(side, sequence.name.ljust(16), *(f"{v:5.1f}" for v in table[-1]), flush=True)
        print(side, "mean".ljust(16), *(f"{v:5.1f}" for v in np.mean(table, 0)), f"{time.time() - begin:.0f} s")


if __name__ == "__main__":
    main()
