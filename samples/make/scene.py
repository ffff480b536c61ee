"""What the sample scenes share: layers with alpha, smooth deformation, light, grain, and the files that come out."""

import os
import pathlib
import subprocess

import cv2
import numpy as np
from PIL import Image

# Everything is drawn at twice the size and averaged down, so that edges are antialiased like a lens's.
OVERSAMPLING = 2

STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps")  # package tuxpaint-stamps-default
BACKGROUNDS = pathlib.Path(os.environ.get("BACKGROUNDS", "/usr/share/backgrounds"))  # package lomiri-wallpapers-16.04


def davis_palette():
    """The colours that DAVIS (and PASCAL VOC before it) gives the ids 0..255."""
    palette = np.zeros((256, 3), np.uint8)
    for index in range(256):
        bits = index
        for shift in range(7, -1, -1):
            for channel in range(3):
                palette[index, channel] |= ((bits >> channel) & 1) << shift
            bits >>= 3
    return palette


def stamp(name, flip=False):
    """A cut-out as float32 [H, W, 4] in 0..1, colours premultiplied by alpha, with room around it to bend into."""
    rgba = np.asarray(Image.open(STAMPS / f"{name}.png").convert("RGBA"), np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    if flip:
        rgba = np.ascontiguousarray(rgba[:, ::-1])
    return np.pad(rgba, ((24, 24), (24, 24), (0, 0)))


def photo(name):
    """A photograph as float32 [H, W, 3] in 0..1."""
    return np.asarray(Image.open(BACKGROUNDS / name).convert("RGB"), np.float32) / 255


def sample(image, x, y, border=cv2.BORDER_CONSTANT):
    """The image at float coordinates, bicubic; transparent black outside."""
    values = cv2.remap(image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC, borderMode=border)
    return np.clip(values, 0, 1)


def grid(size):
    """Frame coordinates (x, y) of every oversampled pixel, for a frame of size (width, height)."""
    width, height = size
    x = (np.arange(width * OVERSAMPLING, dtype=np.float32) + 0.5) / OVERSAMPLING - 0.5
    y = (np.arange(height * OVERSAMPLING, dtype=np.float32) + 0.5) / OVERSAMPLING - 0.5
    return np.meshgrid(x, y)


def place(layer, frame_grid, foot, scale, bend=None):
    """The layer drawn so that the middle of its lower edge stands at `foot`; `bend(u, v)` gives where in the layer
    (0..1 across and down) a point comes from, as an offset in layer pixels."""
    height, width = layer.shape[:2]
    x = (frame_grid[0] - foot[0]) / scale + width / 2
    y = (frame_grid[1] - foot[1]) / scale + height - 24
    if bend is not None:
        dx, dy = bend(x / width, y / height)
        x, y = x + dx, y + dy
    if scale < 0.75:
        # Bicubic sampling alone would alias when a cut-out is drawn much smaller than it is.
        layer = cv2.GaussianBlur(layer, (0, 0), 0.4 / scale)
    return sample(layer, x, y)


def over(top, bottom):
    """Premultiplied `top` over opaque `bottom`."""
    return top[..., :3] + bottom * (1 - top[..., 3:])


def shadow(figure, frame_grid, ground, strength, flatten=0.22, lean=0.5):
    """Darkening [H, W, 1] of the ground by a figure: its outline laid down behind the feet and blurred."""
    x, y = frame_grid
    step = OVERSAMPLING
    source_y = ground - (ground - y) / flatten
    source_x = x - lean * (ground - y)
    alpha = cv2.remap(
        np.ascontiguousarray(figure[..., 3]),
        ((source_x + 0.5) * step - 0.5).astype(np.float32),
        ((source_y + 0.5) * step - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    alpha = cv2.GaussianBlur(alpha, (0, 0), 4 * step)
    return 1 - strength * alpha[..., None]


def smooth_noise(shape, scale, generator):
    """Zero-mean, unit-variance noise whose lumps are about `scale` pixels."""
    small = generator.standard_normal((int(shape[0] / scale) + 4, int(shape[1] / scale) + 4)).astype(np.float32)
    large = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return (large - large.mean()) / large.std()


def handheld(frames, amplitude, generator):
    """A camera held by hand: smooth wander [frames, 2] in pixels."""
    path = cv2.GaussianBlur(generator.standard_normal((frames + 40, 1, 2)).astype(np.float32), (1, 31), 5)[20:-20, 0]
    return amplitude * (path - path[0]) / path.std()


def develop(image, size, generator, grain=0.012):
    """Down to the frame's size, sensor noise added, 8 bits."""
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    luma = generator.standard_normal(small.shape[:2] + (1,)).astype(np.float32)
    chroma = generator.standard_normal(small.shape).astype(np.float32)
    small = small + grain * (0.8 * luma + 0.4 * chroma) * (0.4 + np.sqrt(np.clip(small, 0, 1)))
    return (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)


def labels(coverages, size):
    """Object ids [H, W] from each object's visible coverage: the object that covers most of a pixel, if over half."""
    small = [cv2.resize(np.ascontiguousarray(c), size, interpolation=cv2.INTER_AREA) for c in coverages]
    stack = np.stack([np.full(small[0].shape, 0.5, np.float32), *small])
    return stack.argmax(0).astype(np.uint8)


def write_labels(path, ids):
    image = Image.fromarray(ids, "P")
    image.putpalette(davis_palette().tobytes())
    image.save(path, optimize=True)


def write_scene(folder, frames, truth, rate, crf, tone):
    """`clip.mp4` with a soft tone, `first.png`, and a mask for every frame in `truth/`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth").mkdir(exist_ok=True)
    height, width = frames[0].shape[:2]
    seconds = len(frames) / rate
    chord = "+".join(f"0.05*sin(2*PI*{hertz}*t)" for hertz in tone)
    command = (
        f"ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {rate} -i - "
        f"-f lavfi -i aevalsrc={chord}:d={seconds}:s=44100 "
        f"-af afade=in:d=0.3,afade=out:st={seconds - 0.6}:d=0.6 "
        "-vf scale=out_color_matrix=bt709:out_range=tv -colorspace bt709 -color_primaries bt709 -color_trc bt709 "
        f"-c:v libx264 -preset veryslow -crf {crf} -pix_fmt yuv420p -c:a aac -b:a 48k "
        "-movflags +faststart -fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
    )
    subprocess.run([*command.split(), str(folder / "clip.mp4")], input=b"".join(f.tobytes() for f in frames), check=True)
    for index, ids in enumerate(truth):
        write_labels(folder / "truth" / f"{index:05d}.png", ids)
    write_labels(folder / "first.png", truth[0])
