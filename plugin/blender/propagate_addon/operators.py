"""What the buttons do."""

import os

import bpy

from . import compositor, mask_image, sequencer, tracks
from .engine_run import EngineError, EngineRun
from .preferences import command_of

# Lossless grey: what Blender reads is bit for bit what the engine wrote.
MATTE = "matte.mkv"
TIMER_SECONDS = 0.2


class _PropagateOperator:
    """Runs the engine on a clip: beside the interface when invoked from it, else until it is done."""

    bl_options = {"REGISTER"}
    _run = None
    _timer = None

    def clip_path(self, context):
        raise NotImplementedError

    def use_matte(self, context, path):
        raise NotImplementedError

    def _start(self, context):
        settings = context.scene.propagate
        if settings.mask is None:
            raise EngineError("There is no mask; choose a painted image of one frame.")
        folder = _result_folder(settings)
        clip = self.clip_path(context)
        name = os.path.splitext(os.path.basename(clip))[0]
        mask = mask_image.mask_file(settings.mask, folder)
        self._run = EngineRun(
            command_of(context),
            [
                clip,
                *("--mask", f"{settings.mask_frame}={mask}"),
                *("-o", os.path.join(folder, f"{name}-{MATTE}")),
                "--overwrite",
            ],
        )

    def _finish(self, context):
        try:
            self.use_matte(context, self._run.result()[0])
        except EngineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Propagated {self._run.done} frames")
        return {"FINISHED"}

    def execute(self, context):
        try:
            self._start(context)
        except EngineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._run.wait()
        return self._finish(context)

    def invoke(self, context, _event):
        try:
            self._start(context)
        except EngineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.progress_begin(0, 100)
        context.scene.propagate.running = True
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC":
            self._run.cancel()
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        settings = context.scene.propagate
        settings.fraction = 100 * self._run.fraction
        context.window_manager.progress_update(settings.fraction)
        for area in context.screen.areas:
            area.tag_redraw()
        if not self._run.finished:
            return {"RUNNING_MODAL"}
        self._end_modal(context)
        if self._run.cancelled:
            self.report({"WARNING"}, "Propagation cancelled")
            return {"CANCELLED"}
        return self._finish(context)

    def cancel(self, context):
        """Blender is closing: the engine must not go on without it."""
        self._run.cancel()
        self._end_modal(context)

    def _end_modal(self, context):
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.scene.propagate.running = False
        context.scene.propagate.fraction = 0


class PROPAGATE_OT_strip(_PropagateOperator, bpy.types.Operator):
    """Carry the mask through the active movie strip, and mask the strip with the result"""

    bl_idname = "propagate.strip"
    bl_label = "Propagate Mask"
    _strip_name = ""

    @classmethod
    def poll(cls, context):
        return sequencer.movie_strip(context) is not None and not context.scene.propagate.running

    def clip_path(self, context):
        # The user may select another strip while the engine runs.
        strip = sequencer.movie_strip(context)
        self._strip_name = strip.name
        return bpy.path.abspath(strip.filepath)

    def use_matte(self, context, path):
        strip = sequencer.strips_of(context.scene).get(self._strip_name)
        if strip is None:
            raise EngineError(f"The strip is gone; the matte is in {path}.")
        sequencer.add_matte(context.scene, strip, path)


class PROPAGATE_OT_clip(_PropagateOperator, bpy.types.Operator):
    """Carry the mask through the clip, and set up nodes that cut the object out"""

    bl_idname = "propagate.clip"
    bl_label = "Propagate Mask"

    @classmethod
    def poll(cls, context):
        return context.scene.propagate.clip is not None and not context.scene.propagate.running

    def clip_path(self, context):
        return bpy.path.abspath(context.scene.propagate.clip.filepath)

    def use_matte(self, context, path):
        compositor.add_matte_nodes(context.scene, context.scene.propagate.clip, path)


class PROPAGATE_OT_paint(bpy.types.Operator):
    """Make an image of the frame at the playhead to paint the object on: paint over it, opaque, in the Image Editor"""

    bl_idname = "propagate.paint"
    bl_label = "New Mask from Frame"

    @classmethod
    def poll(cls, context):
        return sequencer.movie_strip(context) is not None

    def execute(self, context):
        strip = sequencer.movie_strip(context)
        length = strip.frame_duration
        frame = min(max(0, int(context.scene.frame_current - strip.frame_start)), length - 1)
        element = strip.elements[0]
        settings = context.scene.propagate
        settings.mask = mask_image.image_to_paint_on(
            context, bpy.path.abspath(strip.filepath), frame, (element.orig_width, element.orig_height)
        )
        settings.mask_frame = frame
        self.report({"INFO"}, f'Paint the object on the image "{settings.mask.name}"')
        return {"FINISHED"}


class PROPAGATE_OT_tracks(bpy.types.Operator):
    """Add the tracks of a .json file that `propagate track` has written to the clip; of a plane, a plane track too"""

    bl_idname = "propagate.tracks"
    bl_label = "Import Tracks"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return getattr(context.space_data, "clip", None) is not None

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        clip = context.space_data.clip
        try:
            added, is_plane = tracks.import_tracks(clip, bpy.path.abspath(self.filepath))
        except EngineError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if is_plane:
            # Makes one of the four tracks that are selected.
            bpy.ops.clip.create_plane_track()
            tracks.pin_plane(clip, added)
        self.report({"INFO"}, f"Added {len(added)} tracks")
        return {"FINISHED"}


def _result_folder(settings):
    if settings.folder.startswith("//") and not bpy.data.filepath:
        raise EngineError("The results folder is relative to a file that is not saved yet; save it, or choose another folder.")
    return bpy.path.abspath(settings.folder)


_classes = (PROPAGATE_OT_strip, PROPAGATE_OT_clip, PROPAGATE_OT_paint, PROPAGATE_OT_tracks)


def register():
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister():
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
