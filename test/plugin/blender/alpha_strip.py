"""Renders one frame of a clip with alpha over blue in the sequencer, as docs/editors.md says to use it.

blender -b --factory-startup --python-exit-code 3 --python alpha_strip.py -- <clip> <picture> <frame>
"""

import sys

import bpy

clip, picture, frame = sys.argv[sys.argv.index("--") + 1 :]
scene = bpy.context.scene
scene.view_settings.view_transform = "Standard"
editor = scene.sequence_editor_create()
blue = editor.sequences.new_effect("blue", "COLOR", 1, 1, frame_end=100)
blue.color = (0, 0, 1)
strip = editor.sequences.new_movie("cut-out", clip, 2, 1)
strip.blend_type = "ALPHA_OVER"
strip.alpha_mode = "STRAIGHT"
scene.render.resolution_x = strip.elements[0].orig_width
scene.render.resolution_y = strip.elements[0].orig_height
scene.render.resolution_percentage = 100
scene.render.image_settings.file_format = "PNG"
scene.render.image_settings.color_mode = "RGB"
scene.render.filepath = picture
scene.frame_set(1 + int(frame))
bpy.ops.render.render(write_still=True)
