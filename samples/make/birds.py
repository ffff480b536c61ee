"""`samples/birds`: three birds on a mountain path, one passes in front of the others. Three objects, ids 1 to 3."""

import pathlib
import sys

import cv2
import numpy as np

import scene

SIZE = (640, 360)
FRAMES = 36
RATE = 24


def strut(phase, hip, pivot):
    """A bird's walk: below the hip (share of the height) the legs swing around `pivot`, the neck pumps against them."""

    def bend(u, v):
        low = np.clip((v - hip) / (1 - hip), 0, 1)
        high = np.clip((0.35 - v) / 0.35, 0, 1)
        side = np.tanh((u - pivot) * 18)
        swing = np.sin(phase) * side
        dx = 12 * low * swing + 7 * high * np.sin(2 * phase)
        dy = 7 * low * np.clip(np.cos(phase) * side, 0, 1) + 1.5 * (1 - low) * np.cos(2 * phase)
        return dx, dy

    return bend


def main(folder):
    generator = np.random.default_rng(11)
    frame_grid = scene.grid(SIZE)
    background = cv2.resize(
        scene.photo("picosdeeuropa_by_Aitzol_Berasategi.jpg"), (1700, 1275), interpolation=cv2.INTER_AREA
    )
    crane = scene.stamp("animals/birds/crowned_crane", flip=True)
    fowl = scene.stamp("animals/birds/helmeted_guineafowl")
    flamingo = scene.stamp("animals/birds/pink_flamingo")
    wander = scene.handheld(FRAMES, 1.2, generator)
    frames, truth = [], []
    for index in range(FRAMES):
        time = index / (FRAMES - 1)
        wx, wy = wander[index]
        zoom = 1 + 0.06 * time
        x, y = frame_grid
        from_x = ((x - 320) / zoom + 320 + wx + 30 * time * np.clip(y / 300, 0.3, 1)) * 2 + 120
        from_y = ((y - 180) / zoom + 180 + wy) * 2 + 520
        image = scene.sample(background, from_x, from_y, cv2.BORDER_REFLECT)
        phase = 2 * np.pi * index / 18
        places = [
            (flamingo, (420 - 25 * time - wx, 262 - wy), 0.5 * zoom, strut(0.8 * np.sin(phase / 2), 0.6, 0.5)),
            (crane, (150 + 190 * time - wx, 290 - wy), 0.58 * zoom, strut(phase, 0.62, 0.55)),
            (fowl, (560 - 330 * time - wx, 330 - wy), 0.45 * zoom, strut(phase * 1.2 + 1, 0.7, 0.4)),
        ]
        figures = [scene.place(layer, frame_grid, foot, scale, bend) for layer, foot, scale, bend in places]
        for figure, (_, foot, _, _) in zip(figures, places):
            image = image * scene.shadow(figure, frame_grid, foot[1] - 3, 0.6)
        visible = []
        for figure in figures:
            visible = [coverage * (1 - figure[..., 3]) for coverage in visible] + [figure[..., 3]]
            image = scene.over(figure, image)
        image = image * (0.86 + 0.14 * np.cos(2.5 * time + 0.002 * x))[..., None]
        frames.append(scene.develop(image, SIZE, generator))
        truth.append(scene.labels(visible, SIZE))
    scene.write_scene(folder, frames, truth, RATE, crf=25, tone=(261.63, 392))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "birds"))
