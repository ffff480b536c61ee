"""Tracks of `propagate track` as tracks of a movie clip."""

import json

import bpy

from .engine_run import EngineError


def import_tracks(clip, path):
    """Adds the tracks of a .json file to a clip, and selects them. Returns (tracks, whether they are a plane's corners)."""
    found = _read(path)
    width, height = found["width"], found["height"]
    tracks = clip.tracking.tracks
    for track in tracks:
        track.select = False
    added = []
    for entry in found["tracks"]:
        # The markers of a clip count its frames from 1, wherever the clip begins in the scene.
        track = tracks.new(name=entry["name"], frame=1)
        for index, (x, y, visible) in enumerate(entry["points"]):
            # Shares of the picture, from the bottom left corner.
            marker = track.markers.insert_frame(index + 1, co=((x + 0.5) / width, 1 - (y + 0.5) / height))
            # A muted marker is Blender's way to say that the point is not to be seen.
            marker.mute = not visible
        track.select = True
        added.append(track)
    return added, found.get("kind") == "plane"


def pin_plane(clip, corners):
    """Lets a clip's newest plane track go exactly through four tracks, given clockwise from the top left one."""
    plane = clip.tracking.plane_tracks[-1]
    # Blender goes against the clock, from the bottom left corner.
    tracks = [corners[at] for at in (3, 2, 1, 0)]
    for markers in zip(*(track.markers for track in tracks)):
        # A plane that Blender makes itself lies around the patterns of its tracks, not through their middles.
        pinned = plane.markers.insert_frame(markers[0].frame)
        pinned.corners = [marker.co for marker in markers]
        pinned.mute = any(marker.mute for marker in markers)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        for entry in found["tracks"]:
            for _x, _y, _visible in entry["points"]:
                pass
        if found["width"] > 0 and found["height"] > 0:
            return found
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise EngineError(f'"{bpy.path.basename(path)}" has no tracks; choose a .json file that "propagate track" has written.')
