"""`samples/bear`: a bear walks over a mountain meadow and behind a tree; the camera follows, a cloud passes."""

import pathlib
import sys

import cv2
import numpy as np

import scene

SIZE = (854, 480)
FRAMES = 72
RATE = 24
STRIDE = 26  # frames


def meadow(background, frame_grid, pan, wander, zoom):
    """The photograph seen by the moving camera: the far mountains pass slowly, the grass in front quickly."""
    x, y = frame_grid
    x = (x - SIZE[0] / 2) / zoom + SIZE[0] / 2 + wander[0]
    y = (y - SIZE[1] / 2) / zoom + SIZE[1] / 2 + wander[1]
    near = np.clip((y - 250) / 230, 0, 1.2)
    return scene.sample(background, (x + pan * (0.3 + 0.7 * near)) * 2 + 60, y * 2 + 480, cv2.BORDER_REFLECT)


def gait(phase):
    """Legs swing in diagonal pairs, the feet lift when they go forward, the body rocks and the head nods."""

    def bend(u, v):
        # Phase of the leg at each place across the body: hind left, hind right, front left, front right.
        leg = np.interp(u, [0.16, 0.27, 0.36, 0.47, 0.58, 0.72], [0, np.pi, np.pi, np.pi, 0, 0]).astype(np.float32)
        low = np.clip((v - 0.52) / 0.42, 0, 1) ** 1.4
        forward = np.sin(phase + leg)
        lift = np.clip(np.cos(phase + leg), 0, 1)
        head = np.clip((u - 0.62) / 0.25, 0, 1) * np.clip((0.62 - v) / 0.2, 0, 1)
        breath = np.sin(2 * phase)
        dx = -13 * low * forward - 3 * head * np.sin(2 * phase + 0.6)
        dy = 9 * low * lift + 2.2 * (1 - low) * breath + 5 * head * np.sin(2 * phase + 0.6)
        return dx, dy

    return bend


def cloud_shade(frame_grid, time, noise):
    """Light [H, W, 1]: the edge of a cloud's shadow sweeps over the meadow from the left."""
    x, y = frame_grid
    reach = -260 + 1500 * time
    edge = 1 / (1 + np.exp(-(x - reach + 90 * noise + 0.25 * (y - 240)) / 55))
    leaving = 1 / (1 + np.exp((x - reach + 760 + 90 * noise) / 80))
    on_ground = np.clip((y - 90) / 190, 0, 1)  # the sky and the peaks stay bright
    return (1 - 0.4 * on_ground * np.clip(1 - edge - leaving, 0, 1))[..., None]


def main(folder):
    generator = np.random.default_rng(7)
    frame_grid = scene.grid(SIZE)
    background = cv2.resize(
        scene.photo("aitzgorri_by_Aitzol_Berasategi.jpg"), (2470, 1645), interpolation=cv2.INTER_AREA
    )
    bear = scene.stamp("animals/mammals/bears/european-bear")
    tree = scene.stamp("plants/trees/tree336")
    wander = scene.handheld(FRAMES, 1.6, generator)
    noise = scene.smooth_noise(frame_grid[0].shape, 260, generator)
    frames, truth = [], []
    for index in range(FRAMES):
        time = index / (FRAMES - 1)
        pan, zoom = 185 * time, 1 + 0.05 * time
        image = meadow(background, frame_grid, pan, wander[index], zoom)
        ground = 418 + 10 * np.sin(2.2 * time) - wander[index][1]
        scale = (0.9 + 0.08 * time) * zoom
        phase = 2 * np.pi * index / STRIDE
        figure = scene.place(bear, frame_grid, (190 + 420 * time - wander[index][0], ground), scale, gait(phase))
        image = image * scene.shadow(figure, frame_grid, ground - 8, 0.55)
        image = scene.over(figure * np.array([0.97, 0.93, 0.86, 1], np.float32), image)
        sway = 5 * np.sin(2 * np.pi * index / 48)
        trunk = scene.place(
            tree,
            frame_grid,
            (610 - 300 * time - 1.5 * wander[index][0], 446 - wander[index][1]),
            0.66 * zoom,
            lambda u, v: (sway * (1 - v) ** 2 + 1.2 * np.sin(14 * v + 9 * u + index / 5) * (1 - v), 0 * v),
        )
        image = image * scene.shadow(trunk, frame_grid, 444, 0.45)
        image = scene.over(trunk * np.array([1, 1, 0.92, 1], np.float32), image)
        image = image * cloud_shade(frame_grid, time, noise) * (1 + 0.04 * np.sin(5 * time))
        frames.append(scene.develop(image, SIZE, generator))
        truth.append(scene.labels([figure[..., 3] * (1 - trunk[..., 3])], SIZE))
    scene.write_scene(folder, frames, truth, RATE, crf=25, tone=(220, 277.18, 329.63))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "bear"))
