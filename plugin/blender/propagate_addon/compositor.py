"""The result in the compositor: clip and matte joined to an image with alpha."""

import bpy

LABEL = "Propagate"


def add_matte_nodes(scene, clip, matte_path):
    """Adds the nodes clip + matte -> Set Alpha, and shows them if nothing is shown yet. Returns the Set Alpha node."""
    scene.use_nodes = True
    tree = scene.node_tree
    frame = tree.nodes.new("NodeFrame")
    frame.label = LABEL

    source = _add(tree, frame, "CompositorNodeMovieClip", (0, 0))
    source.clip = clip

    matte = bpy.data.images.load(matte_path, check_existing=True)
    matte.source = "MOVIE"
    # A matte's values are coverage, not light: no colour transform.
    matte.colorspace_settings.name = "Non-Color"
    coverage = _add(tree, frame, "CompositorNodeImage", (0, -320))
    coverage.image = matte
    coverage.frame_start = clip.frame_start
    coverage.frame_duration = clip.frame_duration
    coverage.frame_offset = 0
    coverage.use_auto_refresh = True

    alpha = _add(tree, frame, "CompositorNodeSetAlpha", (320, 0))
    alpha.mode = "APPLY"
    tree.links.new(source.outputs["Image"], alpha.inputs["Image"])
    tree.links.new(coverage.outputs["Image"], alpha.inputs["Alpha"])
    _show(tree, alpha)
    return alpha


def _add(tree, frame, kind, location):
    node = tree.nodes.new(kind)
    node.parent = frame
    node.location = location
    return node


def _show(tree, alpha):
    """Links the composite output, unless the user has something of their own there."""
    output = next((node for node in tree.nodes if node.bl_idname == "CompositorNodeComposite"), None)
    if output is None:
        output = tree.nodes.new("CompositorNodeComposite")
        output.location = (640, 0)
    socket = output.inputs["Image"]
    # A new node tree shows the render layers; that counts as nothing, a set-up of the user's does not.
    if not socket.is_linked or socket.links[0].from_node.bl_idname in {"CompositorNodeRLayers", "CompositorNodeSetAlpha"}:
        tree.links.new(alpha.outputs["Image"], socket)
