"""The panels in the sidebars of the sequencer, the compositor and the clip editor."""

import bpy

from . import sequencer


def _draw_run(layout, settings, operator):
    layout.prop(settings, "folder")
    if settings.running:
        layout.prop(settings, "fraction", slider=True)
        layout.label(text="Esc cancels")
    else:
        layout.operator(operator, icon="PLAY")


class PROPAGATE_PT_sequencer(bpy.types.Panel):
    bl_label = "Propagate"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Propagate"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.propagate
        strip = sequencer.movie_strip(context)
        layout.label(text=strip.name if strip else "Select a movie strip", icon="FILE_MOVIE")
        layout.template_ID(settings, "mask", open="image.open")
        layout.operator("propagate.paint", icon="BRUSH_DATA")
        layout.prop(settings, "mask_frame")
        _draw_run(layout, settings, "propagate.strip")


class PROPAGATE_PT_compositor(bpy.types.Panel):
    bl_label = "Propagate"
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Propagate"

    @classmethod
    def poll(cls, context):
        return context.space_data.tree_type == "CompositorNodeTree"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.propagate
        layout.template_ID(settings, "clip", open="clip.open")
        layout.template_ID(settings, "mask", open="image.open")
        layout.prop(settings, "mask_frame")
        _draw_run(layout, settings, "propagate.clip")


class PROPAGATE_PT_tracking(bpy.types.Panel):
    bl_label = "Propagate"
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = "Propagate"

    @classmethod
    def poll(cls, context):
        return context.space_data.mode == "TRACKING"

    def draw(self, _context):
        self.layout.operator("propagate.tracks", icon="IMPORT")


_classes = (PROPAGATE_PT_sequencer, PROPAGATE_PT_compositor, PROPAGATE_PT_tracking)


def register():
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister():
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
