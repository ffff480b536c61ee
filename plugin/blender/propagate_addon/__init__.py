"""Carry a painted mask through a clip, from the video sequencer or the compositor."""

bl_info = {
    "name": "Propagate",
    "description": "Paint the object on one frame, get its matte for the whole clip",
    "author": "Propagate contributors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Video Sequencer, Compositor and Movie Clip Editor > Sidebar > Propagate",
    "category": "Sequencer",
}

from . import operators, panels, preferences, settings

_modules = (preferences, settings, operators, panels)


def register():
    for module in _modules:
        module.register()


def unregister():
    for module in reversed(_modules):
        module.unregister()
