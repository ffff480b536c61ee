"""The result in the video sequencer: the strip shows only the object, by a mask modifier fed by a muted matte strip."""

import bpy

MODIFIER = "Propagate"


def strips_of(scene):
    """The scene's strips; Blender 4.4 renamed the collection."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    return getattr(editor, "strips", None) or editor.sequences


def movie_strip(context):
    """The active strip if it is a movie, else None."""
    editor = context.scene.sequence_editor
    strip = editor.active_strip if editor else None
    return strip if strip is not None and strip.type == "MOVIE" else None


def add_matte(scene, strip, matte_path):
    """Adds the matte as a strip in step with `strip`, and masks `strip` with it. Returns the matte's strip.

    Run again, it replaces the matte of the run before.
    """
    strips = strips_of(scene)
    modifier = strip.modifiers.get(MODIFIER)
    if modifier is None:
        modifier = strip.modifiers.new(MODIFIER, "MASK")
    elif modifier.input_mask_strip is not None:
        strips.remove(modifier.input_mask_strip)
    matte = strips.new_movie(f"{strip.name} matte", matte_path, _free_channel(scene, strip), int(strip.frame_start))
    matte.frame_offset_start = strip.frame_offset_start
    matte.frame_offset_end = strip.frame_offset_end
    matte.colorspace_settings.name = "Non-Color"
    # Only the modifier shall read it. A muted strip is not shown, but modifiers still do.
    matte.mute = True
    modifier.input_mask_type = "STRIP"
    modifier.input_mask_strip = matte
    # The default, Cross or Replace, would show black around the object in place of the strips below.
    strip.blend_type = "ALPHA_OVER"
    return matte


def _free_channel(scene, strip):
    """The lowest channel above `strip` that is free for its length."""
    start, end = strip.frame_final_start, strip.frame_final_end
    taken = {
        other.channel
        for other in strips_of(scene)
        if other.frame_final_start < end and other.frame_final_end > start
    }
    return next((channel for channel in range(strip.channel + 1, 129) if channel not in taken), 128)
