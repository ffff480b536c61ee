"""Where the engine is."""

import bpy


class PropagatePreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    command: bpy.props.StringProperty(
        name="Command",
        description="The propagate command: a name, a path, or a program with arguments",
        default="propagate",
    )

    def draw(self, _context):
        self.layout.prop(self, "command")


def command_of(context):
    """The configured command. Started with `--addons`, Blender registers an add-on without preferences."""
    addon = context.preferences.addons.get(__package__)
    return addon.preferences.command if addon else "propagate"


def register():
    bpy.utils.register_class(PropagatePreferences)


def unregister():
    bpy.utils.unregister_class(PropagatePreferences)
