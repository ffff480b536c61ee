"""What the user chooses in the panels; kept in the scene, so that it is saved with the file."""

import bpy


class PropagateSettings(bpy.types.PropertyGroup):
    mask: bpy.props.PointerProperty(
        type=bpy.types.Image,
        name="Mask",
        description="Painted mask of one frame: opaque where the object is, or black and white, or one colour an object",
    )
    mask_frame: bpy.props.IntProperty(
        name="Mask Frame",
        description="Frame of the clip that the mask belongs to; 0 is the clip's first",
        min=0,
    )
    folder: bpy.props.StringProperty(
        name="Results",
        description="Folder for mattes",
        subtype="DIR_PATH",
        default="//propagate/",
    )
    clip: bpy.props.PointerProperty(
        type=bpy.types.MovieClip,
        name="Clip",
        description="Clip to cut the object out of, in the compositor",
    )
    fraction: bpy.props.FloatProperty(
        name="Progress",
        subtype="PERCENTAGE",
        min=0,
        max=100,
        options={"SKIP_SAVE"},
    )
    running: bpy.props.BoolProperty(options={"SKIP_SAVE"})


def register():
    bpy.utils.register_class(PropagateSettings)
    bpy.types.Scene.propagate = bpy.props.PointerProperty(type=PropagateSettings)


def unregister():
    del bpy.types.Scene.propagate
    bpy.utils.unregister_class(PropagateSettings)
