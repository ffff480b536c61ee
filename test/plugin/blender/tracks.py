"""Installs the add-on from its zip and imports tracks as the button does, without a window.

blender -b --factory-startup --python-exit-code 3 --python tracks.py -- <zip> <clip> <points.json> <plane.json>
Prints a line `TRACKS <json>` for each import, and what is said of a file that has none.
"""

import json
import sys

import bpy

zip_path, clip_path, points, plane = sys.argv[sys.argv.index("--") + 1 :]

bpy.ops.preferences.addon_install(filepath=zip_path)
bpy.ops.preferences.addon_enable(module="propagate_addon")

clip = bpy.data.movieclips.load(clip_path)
window = bpy.context.window_manager.windows[0]
area = window.screen.areas[0]
area.type = "CLIP_EDITOR"
area.spaces.active.clip = clip
region = next(region for region in area.regions if region.type == "WINDOW")


def run(path):
    with bpy.context.temp_override(window=window, area=area, region=region, space_data=area.spaces.active):
        return bpy.ops.propagate.tracks(filepath=path)


for path in (points, plane):
    before = len(clip.tracking.tracks)
    assert run(path) == {"FINISHED"}
    tracks = [
        {"name": track.name, "markers": [[m.frame, m.co.x * clip.size[0], m.co.y * clip.size[1], m.mute] for m in track.markers]}
        for track in clip.tracking.tracks[before:]
    ]
    planes = [
        [[c * s for c, s in zip(corner, clip.size)] for corner in marker.corners]
        for track in clip.tracking.plane_tracks
        for marker in track.markers
    ]
    print("TRACKS", json.dumps({"tracks": tracks, "planes": planes}))

try:
    run(clip_path)
except RuntimeError as error:
    print("REPORT", str(error).strip())
