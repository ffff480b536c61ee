"""A few pictures of textured shapes, so that the toy run needs no data: into the first folder, and with masks into the second."""

import sys
from pathlib import Path

import cv2
import numpy as np

folder, masked = (Path(name) for name in sys.argv[1:])
for place in (folder, masked):
    place.mkdir(parents=True, exist_ok=True)
for n in range(12):
    rng = np.random.default_rng(n)
    noise = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    image = cv2.resize(noise, (256, 192), interpolation=cv2.INTER_CUBIC)
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    mask, angle = np.zeros((192, 256), np.uint8), float(rng.uniform(0, 180))
    cv2.ellipse(mask, (128, 96), (60, 45), angle, 0, 360, 255, cv2.FILLED)
    image[mask > 0] = colour
    for place in (folder, masked):
        cv2.imwrite(str(place / f"animal-{n:02d}.jpg"), image)
    cv2.imwrite(str(masked / f"animal-{n:02d}.png"), mask)
