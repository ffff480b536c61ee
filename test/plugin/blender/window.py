"""Presses the add-on's button in a window and writes down what the interface does meanwhile.

blender --factory-startup --python window.py -- <zip> <command> <clip> <mask> <folder>
Appends a JSON object to <folder>/states.jsonl whenever the state changes, and ends Blender when the second run is over.
"""

import json
import os
import sys

import bpy

zip_path, command, clip, mask, folder = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.preferences.addon_install(filepath=zip_path)
bpy.ops.preferences.addon_enable(module="propagate_addon")
bpy.context.preferences.addons["propagate_addon"].preferences.command = command
bpy.context.preferences.view.show_splash = False

scene = bpy.context.scene
scene.propagate.mask = bpy.data.images.load(mask)
scene.propagate.folder = folder
editor = scene.sequence_editor_create()
strip = editor.sequences.new_movie("clip", clip, 1, 1)
editor.active_strip = strip

runs = 0
ticks = 0
last = None


def press():
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.propagate.strip("INVOKE_DEFAULT")


def watch():
    """Runs only while the interface does: it counts its own calls."""
    global runs, ticks, last
    ticks += 1
    settings = scene.propagate
    state = {
        "run": runs,
        "running": settings.running,
        "mattes": sum(s.name.endswith("matte") for s in editor.sequences),
    }
    if state != last or ticks % 10 == 0:
        with open(os.path.join(folder, "states.jsonl"), "a") as states:
            states.write(json.dumps({**state, "ticks": ticks}) + "\n")
        last = state
    if not settings.running:
        if runs == 2:
            bpy.ops.wm.quit_blender()
            return None
        runs += 1
        press()
    return 0.2


bpy.app.timers.register(watch, first_interval=2.0)
