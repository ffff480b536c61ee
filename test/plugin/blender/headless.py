"""Installs the add-on from its zip and uses it as the buttons do, without a window.

blender -b --factory-startup --python-exit-code 3 --python headless.py -- <zip> <command> <clip> <mask> <folder> <frame>
Writes <folder>/sequencer.png (the object over blue), compositor.png (the object on transparency) and paint.png.
"""

import os
import sys

import bpy

zip_path, command, clip, mask, folder, frame = sys.argv[sys.argv.index("--") + 1 :]
FRAME = int(frame)

bpy.ops.preferences.addon_install(filepath=zip_path)
bpy.ops.preferences.addon_enable(module="propagate_addon")
bpy.context.preferences.addons["propagate_addon"].preferences.command = command

scene = bpy.context.scene
# Filmic, the default, is made for 3D scenes and would change the clip's colours.
scene.view_settings.view_transform = "Standard"
scene.propagate.mask = bpy.data.images.load(mask)
scene.propagate.folder = folder


def render(name, color_mode):
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = color_mode
    scene.render.filepath = os.path.join(folder, name)
    scene.frame_set(1 + FRAME)
    bpy.ops.render.render(write_still=True)


# The sequencer: the clip over blue.
editor = scene.sequence_editor_create()
blue = editor.sequences.new_effect("blue", "COLOR", 1, 1, frame_end=100)
blue.color = (0, 0, 1)
strip = editor.sequences.new_movie("clip", clip, 2, 1)
editor.active_strip = strip
size = (strip.elements[0].orig_width, strip.elements[0].orig_height)
scene.render.resolution_x, scene.render.resolution_y = size
scene.render.resolution_percentage = 100

assert bpy.ops.propagate.strip() == {"FINISHED"}
assert bpy.ops.propagate.strip() == {"FINISHED"}, "a second run replaces the first"
assert sum(s.type == "MOVIE" for s in editor.sequences) == 2, [s.name for s in editor.sequences]
render("sequencer.png", "RGB")

# A frame to paint on: paint the upper half, as a brush would, and take that as the mask.
scene.frame_set(1 + FRAME)
assert bpy.ops.propagate.paint() == {"FINISHED"}
painted = scene.propagate.mask
assert tuple(painted.size) == size and scene.propagate.mask_frame == FRAME
pixels = list(painted.pixels)
half = len(pixels) // 8 * 4
pixels[half:] = [1.0] * (len(pixels) - half)
painted.pixels = pixels
from propagate_addon.mask_image import mask_file

os.rename(mask_file(painted, folder), os.path.join(folder, "paint.png"))

# The compositor.
for s in list(editor.sequences):
    editor.sequences.remove(s)
scene.propagate.mask = bpy.data.images.load(mask)
scene.propagate.mask_frame = 0
scene.propagate.clip = bpy.data.movieclips.load(clip)
scene.propagate.clip.frame_start = 1
assert bpy.ops.propagate.clip() == {"FINISHED"}
render("compositor.png", "RGBA")

# A failing engine: its own sentence arrives.
scene.propagate.mask = bpy.data.images.load(clip)
try:
    bpy.ops.propagate.clip()
except RuntimeError as error:
    print("REPORT", str(error).strip())
