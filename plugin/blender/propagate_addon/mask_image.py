"""The painted mask as a file, and a frame to paint it on."""

import os

import bpy
import numpy

from .engine_run import EngineError

# Under the half that makes a pixel part of the object, but enough to see what one paints on.
FAINT = 0.35


def mask_file(image, folder):
    """Path of the mask as a file: the image's own file when that is current, else a PNG saved into `folder`."""
    own = bpy.path.abspath(image.filepath) if image.filepath else ""
    # The user's own file is preferred: Blender would expand a palette to colours and lose the ids of the objects.
    if own and os.path.isfile(own) and not image.is_dirty and not image.packed_file:
        return own
    if not image.has_data:
        raise EngineError(f'The image "{image.name}" has no pixels; paint the object on it, or choose another.')
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, bpy.path.clean_name(image.name) + "-mask.png")
    # A copy of the image would have the packed pixels, without the latest strokes.
    copy = bpy.data.images.new("propagate-mask", *image.size, alpha=True)
    try:
        copy.pixels.foreach_set(_pixels_of(image))
        copy.filepath_raw = path
        copy.file_format = "PNG"
        copy.save()
    finally:
        bpy.data.images.remove(copy)
    return path


def image_to_paint_on(context, movie, frame, size):
    """The clip's frame, made faint: what is painted on it is opaque, and so is the mask.

    `frame` counts from 0; `size` is the clip's (width, height).
    """
    picture = _render_frame(context, movie, frame, size)
    pixels = _pixels_of(picture)
    pixels[3::4] = FAINT
    name = f"{os.path.splitext(os.path.basename(movie))[0]}-{frame:05d}"
    bpy.data.images.remove(picture)
    image = bpy.data.images.new(name, *size, alpha=True)
    image.pixels.foreach_set(pixels)
    image.pack()
    return image


def _pixels_of(image):
    """[height * width * 4] from 0 to 1, from the bottom left."""
    pixels = numpy.empty(len(image.pixels), dtype=numpy.float32)
    image.pixels.foreach_get(pixels)
    return pixels


def _render_frame(context, movie, frame, size):
    """Blender has no call that decodes one frame of a movie: a scene with nothing but the movie is rendered."""
    from .sequencer import strips_of

    scene = bpy.data.scenes.new("propagate-frame")
    path = os.path.join(bpy.app.tempdir, "propagate-frame.png")
    try:
        render = scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGB"
        render.filepath = path
        scene.view_settings.view_transform = "Standard"
        strips_of(scene).new_movie("clip", movie, 1, 1)
        scene.frame_set(frame + 1)
        bpy.ops.render.render(write_still=True, scene=scene.name)
    finally:
        bpy.data.scenes.remove(scene)
    image = bpy.data.images.load(path)
    image.pixels[0]  # Loads the pixels before the file goes.
    os.remove(path)
    return image
