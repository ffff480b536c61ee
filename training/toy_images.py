"""A few pictures of textured shapes, so that the toy run needs no data."""

import sys
from pathlib import Path

import cv2
import numpy as np

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for n in range(12):
    rng = np.random.default_rng(n)
    noise = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    image = cv2.resize(noise, (256, 192), interpolation=cv2.INTER_CUBIC)
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    cv2.ellipse(image, (128, 96), (60, 45), float(rng.uniform(0, 180)), 0, 360, colour, cv2.FILLED)
    cv2.imwrite(str(folder / f"animal-{n:02d}.jpg"), image)
