"""Small .blend files, each named after what it holds: written within seconds, by any Blender.

    blender -b --factory-startup --python-exit-code 1 --python make.py -- FOLDER
    python make.py -- FOLDER --only glass volume --as exr_float --size 97x61     # with bpy

All show a moving ball, a cube and a ring on a ground, 96 x 64 pixels, frames 1 to 6. The pictures
are PNG with 8 bits unless `--as` names another format. What a file needs besides itself lies in
`FOLDER/library` and `FOLDER/textures`. Files written by Blender 3.4 open in every later one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy

FRAMES = 6
Place = tuple[float, float, float]
# format, bits a channel, channels
FORMATS = {
    "png8": ("PNG", "8", "RGB"),
    "png16": ("PNG", "16", "RGBA"),
    "exr_half": ("OPEN_EXR", "16", "RGBA"),
    "exr_float": ("OPEN_EXR", "32", "RGBA"),
    "multilayer": ("OPEN_EXR_MULTILAYER", "32", "RGBA"),
    "jpeg": ("JPEG", "8", "RGB"),
    "tiff16": ("TIFF", "16", "RGBA"),
    "grey": ("PNG", "8", "BW"),
}
SAMPLES: dict[str, Callable[[bpy.types.Scene, Path], None]] = {}


def sample(make: Callable[[bpy.types.Scene, Path], None]) -> None:
    """Enter a function that changes the common scene into the table of samples."""
    SAMPLES[make.__name__] = make


# ------------------------------------------------------------------------------ the common scene


def stage(frames: int = FRAMES) -> bpy.types.Scene:
    """Return a new scene, alone in a new file: what all samples begin with."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Scene"
    scene.frame_start, scene.frame_end = 1, frames
    furnish(scene)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 8
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 4
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    scene.render.resolution_percentage = 100
    scene.render.filepath = "//frames/"
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.3, 0.4, 0.6, 1)
    return scene


def furnish(scene: bpy.types.Scene) -> None:
    """Put ground, cube, ring, ball, lamp and camera into a scene; the ball moves."""
    bpy.ops.mesh.primitive_plane_add(size=12)
    paint("ground", (0.5, 0.5, 0.45), roughness=0.6)
    bpy.ops.mesh.primitive_cube_add(size=1.2, location=(-1.6, 0.6, 0.6), rotation=(0, 0, 0.5))
    paint("cube", (0.8, 0.25, 0.1), roughness=0.4)
    bpy.ops.mesh.primitive_torus_add(location=(1.5, 0.8, 0.3), major_radius=0.7, minor_radius=0.3)
    bpy.ops.object.shade_smooth()
    paint("ring", (0.9, 0.7, 0.3), metallic=1, roughness=0.2)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.7, location=(0, -1, 0.7))
    bpy.ops.object.shade_smooth()
    ball = paint("ball", (0.1, 0.3, 0.8), roughness=0.1)
    move(ball, (-1, -1, 0.7), (1.2, -1.4, 0.9), last=scene.frame_end)
    bpy.ops.object.light_add(type="AREA", location=(3, -3, 5), rotation=(0.65, 0, 0.78))
    bpy.context.object.data.energy = 600
    bpy.context.object.data.size = 2
    add_camera(scene, (0, -6.5, 2.6), turned=0)


def paint(
    name: str, colour: Place, *, metallic: float = 0, roughness: float = 0.5
) -> bpy.types.Object:
    """Give the active object a name and a material, and return it."""
    thing = bpy.context.object
    thing.name = name
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    inputs = shader(material).inputs
    inputs["Base Color"].default_value = (*colour, 1)
    inputs["Metallic"].default_value = metallic
    inputs["Roughness"].default_value = roughness
    thing.data.materials.append(material)
    return thing


def shader(material: bpy.types.Material) -> bpy.types.Node:
    """Return a material's principled shader."""
    return material.node_tree.nodes["Principled BSDF"]


def move(thing: bpy.types.Object, start: Place, end: Place, *, last: int) -> None:
    """Let an object move from the first to the last frame."""
    for frame, place in ((1, start), (last, end)):
        thing.location = place
        thing.keyframe_insert("location", frame=frame)


def add_camera(scene: bpy.types.Scene, place: Place, *, turned: float) -> bpy.types.Object:
    """Return a new camera, which becomes the scene's own."""
    bpy.ops.object.camera_add(location=place, rotation=(1.25, 0, turned))
    scene.camera = bpy.context.object
    scene.camera.data.lens = 40
    return scene.camera


def object_named(name: str) -> bpy.types.Object:
    """Return an object of the file."""
    return bpy.data.objects[name]


def activate(name: str) -> None:
    """Choose the object of the file that operators change."""
    bpy.context.view_layer.objects.active = object_named(name)


# -------------------------------------------------------------------------------- what Cycles can


@sample
def plain(scene: bpy.types.Scene, folder: Path) -> None:
    """Nothing but the common scene; frames get PNG's default dither, as everywhere."""


@sample
def undithered(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.dither_intensity = 0


@sample
def glass(scene: bpy.types.Scene, folder: Path) -> None:
    inputs = shader(object_named("ball").active_material).inputs
    inputs["Transmission" if "Transmission" in inputs else "Transmission Weight"].default_value = 1
    inputs["Roughness"].default_value = 0
    scene.cycles.max_bounces = 8


@sample
def motion_blur(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.use_motion_blur = True
    scene.render.motion_blur_shutter = 1.5


@sample
def depth_of_field(scene: bpy.types.Scene, folder: Path) -> None:
    scene.camera.data.dof.use_dof = True
    scene.camera.data.dof.focus_object = object_named("ball")
    scene.camera.data.dof.aperture_fstop = 0.06


@sample
def volume(scene: bpy.types.Scene, folder: Path) -> None:
    bpy.ops.mesh.primitive_cube_add(size=8, location=(0, 0, 2))
    nodes = paint("fog", (1, 1, 1)).active_material.node_tree.nodes
    fog = nodes.new("ShaderNodeVolumePrincipled")
    fog.inputs["Density"].default_value = 0.1
    nodes.remove(nodes["Principled BSDF"])
    nodes.id_data.links.new(fog.outputs["Volume"], nodes["Material Output"].inputs["Volume"])


@sample
def adaptive(scene: bpy.types.Scene, folder: Path) -> None:
    scene.cycles.samples = 64
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.05


@sample
def transparent(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    bpy.data.objects.remove(object_named("ground"))


@sample
def seed(scene: bpy.types.Scene, folder: Path) -> None:
    scene.cycles.seed = 7
    scene.cycles.use_animated_seed = True


@sample
def denoised(scene: bpy.types.Scene, folder: Path) -> None:
    scene.cycles.use_denoising = True


@sample
def light(scene: bpy.types.Scene, folder: Path) -> None:
    """A monkey's head and a row of balls: a second of work at 320 x 180 with 16 samples."""
    crowd(level=2)


@sample
def heavy(scene: bpy.types.Scene, folder: Path) -> None:
    """The same with two million faces, which take longer to prepare than to render."""
    crowd(level=6)


def crowd(level: int) -> None:
    """Add a monkey's head, as finely divided as is said, and twenty balls."""
    bpy.ops.mesh.primitive_monkey_add(size=1.6, location=(0, 1.6, 1.4), rotation=(-0.4, 0, 0))
    bpy.ops.object.shade_smooth()
    head = paint("head", (0.7, 0.5, 0.4), roughness=0.3)
    head.modifiers.new("fine", "SUBSURF").render_levels = level
    for number in range(20):
        place = (-2.85 + 0.3 * number, -2.2, 0.15)
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.14, location=place)
        bpy.ops.object.shade_smooth()
        paint(f"ball {number}", (0.1 + 0.04 * number, 0.4, 0.9 - 0.04 * number), roughness=0.2)


# ------------------------------------------------------------------------------- other engines


@sample
def eevee(scene: bpy.types.Scene, folder: Path) -> None:
    known = scene.render.bl_rna.properties["engine"].enum_items.keys()
    names = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT")
    scene.render.engine = next((name for name in names if name in known), names[0])
    scene.eevee.taa_render_samples = 4


@sample
def workbench(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"


# ------------------------------------------------------------------ compositor, layers, formats


def compositor(scene: bpy.types.Scene, kind: str) -> bpy.types.Node:
    """Return a new node between the scene's render layer and its composite."""
    scene.use_nodes = True
    nodes = scene.node_tree.nodes
    node = nodes.new(kind)
    link = scene.node_tree.links.new
    source = next(each for each in nodes if each.type == "R_LAYERS")
    target = next(each for each in nodes if each.type == "COMPOSITE")
    link(source.outputs["Image"], node.inputs["Image"])
    link(node.outputs["Image"], target.inputs["Image"])
    return node


@sample
def compositor_point(scene: bpy.types.Scene, folder: Path) -> None:
    node = compositor(scene, "CompositorNodeHueSat")
    node.inputs["Saturation"].default_value = 1.6


@sample
def compositor_blur(scene: bpy.types.Scene, folder: Path) -> None:
    node = compositor(scene, "CompositorNodeBlur")
    node.size_x = node.size_y = 6


@sample
def compositor_file(scene: bpy.types.Scene, folder: Path) -> None:
    """A File Output node, which writes pictures of its own."""
    scene.use_nodes = True
    nodes = scene.node_tree.nodes
    node = nodes.new("CompositorNodeOutputFile")
    node.base_path = "//beside/"
    source = next(each for each in nodes if each.type == "R_LAYERS")
    scene.node_tree.links.new(source.outputs["Image"], node.inputs[0])


@sample
def compositor_time(scene: bpy.types.Scene, folder: Path) -> None:
    """A compositor whose values move from frame to frame."""
    node = compositor(scene, "CompositorNodeHueSat")
    for frame, value in ((1, 0.2), (scene.frame_end, 1.8)):
        node.inputs["Saturation"].default_value = value
        node.inputs["Saturation"].keyframe_insert("default_value", frame=frame)


@sample
def layers(scene: bpy.types.Scene, folder: Path) -> None:
    """Two view layers with passes; the second shows no ground."""
    first = scene.view_layers[0]
    first.name = "all"
    second = scene.view_layers.new("things")
    hidden = bpy.data.collections.new("hidden")
    scene.collection.children.link(hidden)
    ground = object_named("ground")
    scene.collection.objects.unlink(ground)
    hidden.objects.link(ground)
    second.layer_collection.children["hidden"].exclude = True
    for layer in (first, second):
        layer.use_pass_z = layer.use_pass_normal = layer.use_pass_diffuse_color = True


@sample
def cryptomatte(scene: bpy.types.Scene, folder: Path) -> None:
    SAMPLES["layers"](scene, folder)
    for layer in scene.view_layers:
        layer.use_pass_cryptomatte_object = True


@sample
def movie(scene: bpy.types.Scene, folder: Path) -> None:
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # 5.0 and later
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format = "MPEG4"
    scene.render.fps = 12
    scene.render.filepath = "//movie/"


@sample
def sequencer(scene: bpy.types.Scene, folder: Path) -> None:
    """A strip that shows another scene of the file with half of its saturation."""
    editor = scene.sequence_editor_create()
    strips = editor.sequences if hasattr(editor, "sequences") else editor.strips
    strip = strips.new_scene("strip", scene.copy(), channel=1, frame_start=1)
    strip.color_saturation = 0.5


# --------------------------------------------------------------------- what lies beside the file


@sample
def textured(scene: bpy.types.Scene, folder: Path) -> None:
    texture(folder / "textures" / "checker.png")


@sample
def texture_missing(scene: bpy.types.Scene, folder: Path) -> None:
    path = folder / "textures" / "lost.png"
    texture(path)
    path.unlink()


def texture(path: Path) -> None:
    """Write a picture and lay it onto the ground by a relative name."""
    path.parent.mkdir(exist_ok=True)
    picture = bpy.data.images.new("generated", 32, 32)
    picture.generated_type = "COLOR_GRID"
    picture.filepath_raw = str(path)
    picture.file_format = "PNG"
    picture.save()
    bpy.data.images.remove(picture)
    material = object_named("ground").active_material
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(path))
    node.image.filepath = f"//{path.parent.name}/{path.name}"
    material.node_tree.links.new(node.outputs["Color"], shader(material).inputs["Base Color"])


@sample
def linked(scene: bpy.types.Scene, folder: Path) -> None:
    link_prop(scene, folder / "library" / "prop.blend")


@sample
def library_missing(scene: bpy.types.Scene, folder: Path) -> None:
    path = folder / "library" / "lost.blend"
    link_prop(scene, path)
    path.unlink()


def link_prop(scene: bpy.types.Scene, library: Path) -> None:
    """Move the cube into a file of its own and link it from there."""
    library.parent.mkdir(exist_ok=True)
    cube = object_named("cube")
    prop = bpy.data.collections.new("prop")
    prop.objects.link(cube)
    bpy.data.libraries.write(str(library), {prop}, fake_user=True)
    bpy.data.objects.remove(cube)
    bpy.data.collections.remove(prop)
    # the path is relative to a file that is saved there: links are made absolute otherwise
    bpy.ops.wm.save_as_mainfile(filepath=str(library.parent.parent / "unlinked.blend"))
    with bpy.data.libraries.load(str(library), link=True, relative=True) as (_, wanted):
        wanted.collections = ["prop"]
    scene.collection.children.link(wanted.collections[0])
    (library.parent.parent / "unlinked.blend").unlink()


# ------------------------------------------------------------------------ how a file can surprise


@sample
def two_scenes(scene: bpy.types.Scene, folder: Path) -> None:
    """The active scene is the second, of another size and other frames."""
    scene.name = "first"
    other = scene.copy()
    other.name = "second"
    other.render.resolution_x, other.render.resolution_y = 64, 48
    other.frame_start, other.frame_end = 3, 5
    bpy.context.window.scene = other


@sample
def two_cameras(scene: bpy.types.Scene, folder: Path) -> None:
    """Markers change the camera at frame 4."""
    first = scene.camera
    second = add_camera(scene, (3.5, -5.5, 3), turned=0.55)
    for frame, camera in ((1, first), (4, second)):
        scene.timeline_markers.new(camera.name, frame=frame).camera = camera
    scene.camera = first


@sample
def no_camera(scene: bpy.types.Scene, folder: Path) -> None:
    bpy.data.objects.remove(scene.camera)


@sample
def scripted(scene: bpy.types.Scene, folder: Path) -> None:
    """A script that would hide the ball and leave a file if it were let run."""
    text = bpy.data.texts.new("on_load.py")
    text.use_module = True
    text.write(
        "import bpy\n"
        "from pathlib import Path\n"
        "Path(bpy.path.abspath('//script_has_run')).touch()\n"
        "def hide(scene, *rest):\n"
        "    scene.objects['ball'].hide_render = True\n"
        "bpy.app.handlers.frame_change_pre.append(hide)\n"
        "hide(bpy.context.scene)\n"
    )


@sample
def failing(scene: bpy.types.Scene, folder: Path) -> None:
    """A script that does not come to its end."""
    text = bpy.data.texts.new("on_load.py")
    text.use_module = True
    text.write("def find():\n    raise ValueError('no ball')\nfind()\n")


@sample
def bordered(scene: bpy.types.Scene, folder: Path) -> None:
    """The file's own border, cropped."""
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_min_x, scene.render.border_max_x = 0.2505, 0.7505
    scene.render.border_min_y, scene.render.border_max_y = 0.1255, 0.8755


@sample
def bordered_uncropped(scene: bpy.types.Scene, folder: Path) -> None:
    SAMPLES["bordered"](scene, folder)
    scene.render.use_crop_to_border = False


@sample
def percent(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 191, 127
    scene.render.resolution_percentage = 50


@sample
def stereo(scene: bpy.types.Scene, folder: Path) -> None:
    scene.render.use_multiview = True


@sample
def unbaked(scene: bpy.types.Scene, folder: Path) -> None:
    """A cube and a cloth that fall, and drops: no cache has baked them, so frames go on."""
    object_named("cube").location.z = 1.7
    bpy.ops.rigidbody.world_add()
    for name, kind in (("ground", "PASSIVE"), ("cube", "ACTIVE")):
        activate(name)
        bpy.ops.rigidbody.object_add(type=kind)
    bpy.ops.mesh.primitive_grid_add(
        size=2, x_subdivisions=16, y_subdivisions=16, location=(0, -1, 1.6)
    )
    paint("cloth", (0.8, 0.1, 0.1))
    bpy.ops.object.modifier_add(type="CLOTH")
    activate("ball")
    bpy.ops.object.modifier_add(type="COLLISION")
    bpy.ops.mesh.primitive_ico_sphere_add(location=(50, 0, 0))
    paint("drop", (0.1, 0.8, 0.2))
    activate("ring")
    bpy.ops.object.particle_system_add()
    drops = object_named("ring").particle_systems[0].settings
    drops.count, drops.frame_end, drops.brownian_factor = 100, scene.frame_end, 2
    drops.render_type, drops.instance_object = "OBJECT", object_named("drop")


@sample
def smoke(scene: bpy.types.Scene, folder: Path) -> None:
    """The ball smokes: what a fluid does is on the disk, in a folder of its own."""
    bpy.ops.mesh.primitive_cube_add(size=4, location=(0, 0, 2))
    room = bpy.context.object
    bpy.ops.object.modifier_add(type="FLUID")
    room.modifiers[-1].fluid_type = "DOMAIN"
    fluid = room.modifiers[-1].domain_settings
    fluid.domain_type, fluid.resolution_max = "GAS", 16
    fluid.cache_directory = str(folder / "smoke")
    material = bpy.data.materials.new("smoke")
    material.use_nodes = True
    room.data.materials.append(material)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    volume = nodes.new("ShaderNodeVolumePrincipled")
    links.new(volume.outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs["Volume"])
    activate("ball")
    bpy.ops.object.modifier_add(type="FLUID")
    object_named("ball").modifiers[-1].fluid_type = "FLOW"
    flow = object_named("ball").modifiers[-1].flow_settings
    flow.flow_type, flow.flow_behavior = "SMOKE", "INFLOW"


# --------------------------------------------------------------------------------- the command


def save(scene: bpy.types.Scene, path: Path, kind: str) -> None:
    """Write the file, with pictures of a kind unless it makes a movie."""
    settings = scene.render.image_settings
    if settings.file_format == "PNG":
        was = settings.color_mode
        settings.file_format, settings.color_depth, settings.color_mode = FORMATS[kind]
        if was == "RGBA" and kind == "png8" and scene.render.film_transparent:
            settings.color_mode = was
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="make.py --")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted(SAMPLES), default=list(SAMPLES))
    parser.add_argument("--as", dest="kind", choices=sorted(FORMATS), default="png8")
    parser.add_argument("--size", help="such as 97x61")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--samples", type=int, help="of Cycles, where it is not adaptive")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> None:
    """Write the files."""
    options = parse(words)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    bpy.context.preferences.filepaths.save_version = 0
    for name in options.only:
        scene = stage(options.frames)
        SAMPLES[name](scene, folder)
        scene = bpy.context.scene
        if options.size:
            width, height = options.size.split("x")
            scene.render.resolution_x, scene.render.resolution_y = int(width), int(height)
        if options.samples and not scene.cycles.use_adaptive_sampling:
            scene.cycles.samples = options.samples
        save(scene, folder / f"{name}.blend", options.kind)


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1 :])
