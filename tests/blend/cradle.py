"""Write `mpirender/scenes/cradle.blend`: a Newton's cradle of steel, brass, walnut and glass.

    blender -b --factory-startup --python-exit-code 1 --python tests/blend/cradle.py -- FILE

One swing in 48 frames, which repeat without a seam. Written by Blender 3.4, so that every later
one opens it.
"""

from __future__ import annotations

import sys
from math import cos, pi, radians, sin
from pathlib import Path

import bpy
from mathutils import Vector

FRAMES = 48
BALLS = 5
RADIUS = 0.5
HEIGHT = 2.9  # of the rods above the middle of the balls
HALF_DEPTH = 1.15  # from the balls to each rod
HALF_WIDTH = 2.35
FLOOR_TO_BALL = 1.05
SWING = radians(38)
Colour = tuple[float, float, float]


def material(
    name: str, colour: Colour, *, metallic: float = 0, roughness: float = 0.5, glass: bool = False
) -> bpy.types.Material:
    """Return a new principled material."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    inputs = made.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value = (*colour, 1)
    inputs["Metallic"].default_value = metallic
    inputs["Roughness"].default_value = roughness
    if glass:
        inputs["Transmission"].default_value = 1
        inputs["IOR"].default_value = 1.48
    return made


def walnut() -> bpy.types.Material:
    """Return dark wood with a grain along x."""
    made = material("walnut", (0.1, 0.04, 0.02), roughness=0.3)
    tree = made.node_tree
    place = tree.nodes.new("ShaderNodeTexCoord")
    stretch = tree.nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (0.35, 3.0, 3.0)
    grain = tree.nodes.new("ShaderNodeTexNoise")
    grain.inputs["Scale"].default_value = 4
    grain.inputs["Detail"].default_value = 8
    grain.inputs["Distortion"].default_value = 1.2
    colours = tree.nodes.new("ShaderNodeValToRGB")
    colours.color_ramp.elements[0].position = 0.35
    colours.color_ramp.elements[0].color = (0.028, 0.010, 0.004, 1)
    colours.color_ramp.elements[1].position = 0.68
    colours.color_ramp.elements[1].color = (0.17, 0.065, 0.025, 1)
    link = tree.links.new
    link(place.outputs["Object"], stretch.inputs["Vector"])
    link(stretch.outputs["Vector"], grain.inputs["Vector"])
    link(grain.outputs["Fac"], colours.inputs["Fac"])
    link(colours.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return made


def smooth(thing: bpy.types.Object) -> bpy.types.Object:
    """Shade an object smooth and return it."""
    for polygon in thing.data.polygons:
        polygon.use_smooth = True
    return thing


def ball(name: str, radius: float, place: Colour, look: bpy.types.Material) -> bpy.types.Object:
    """Return a new sphere."""
    mesh = bpy.data.meshes.get("ball") or unit_sphere()
    thing = bpy.data.objects.new(name, mesh)
    thing.location, thing.scale = place, (radius, radius, radius)
    bpy.context.scene.collection.objects.link(thing)
    thing.material_slots[0].link = "OBJECT"
    thing.material_slots[0].material = look
    modifier = thing.modifiers.new("round", "SUBSURF")
    modifier.levels, modifier.render_levels = 0, 2
    return thing


def unit_sphere() -> bpy.types.Mesh:
    """Return the mesh that all balls share, with a place for a material."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=32, ring_count=16, radius=1)
    thing = smooth(bpy.context.object)
    mesh = thing.data
    mesh.name = "ball"
    mesh.materials.append(None)
    bpy.data.objects.remove(thing)
    return mesh


def wire(
    name: str, points: list[Colour], radius: float, look: bpy.types.Material
) -> bpy.types.Object:
    """Return a round wire through points."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = radius
    curve.bevel_resolution = 4
    curve.use_fill_caps = True
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for point, place in zip(spline.points, points, strict=True):
        point.co = (*place, 1)
    curve.materials.append(look)
    thing = bpy.data.objects.new(name, curve)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def arch(y: float, foot: float, look: bpy.types.Material) -> None:
    """Add a brass rod: up, over and down again, with round corners."""
    bend = 0.45
    left = [
        (-HALF_WIDTH + bend - bend * cos(a), y, HEIGHT - bend + bend * sin(a))
        for a in (pi / 2 * step / 10 for step in range(11))
    ]
    right = [(-x, at, z) for x, at, z in reversed(left)]
    wire("rod", [(-HALF_WIDTH, y, foot), *left, *right, (HALF_WIDTH, y, foot)], 0.07, look)
    for x in (-HALF_WIDTH, HALF_WIDTH):
        bpy.ops.mesh.primitive_cylinder_add(radius=0.16, depth=0.1, location=(x, y, foot + 0.04))
        bpy.context.object.data.materials.append(look)
        edge = bpy.context.object.modifiers.new("edge", "BEVEL")
        edge.width, edge.segments = 0.03, 3


def swing(thing: bpy.types.Object, side: int) -> None:
    """Turn a pivot about y: out to its own side for half of the period, at rest for the other.

    The key after the last frame is the first one again.
    """
    for frame in range(1, FRAMES + 2):
        away = side * cos(2 * pi * (frame - 1) / FRAMES)
        thing.rotation_euler.y = -side * SWING * max(0.0, away)
        thing.keyframe_insert("rotation_euler", index=1, frame=frame)
    for curve in thing.animation_data.action.fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def pendulum(number: int, steel: bpy.types.Material, thread: bpy.types.Material) -> None:
    """Add a ball on two threads; the outermost ones swing."""
    x = (number - (BALLS - 1) / 2) * 2 * RADIUS
    pivot = bpy.data.objects.new(f"pivot {number}", None)
    pivot.location = (x, 0, HEIGHT)
    bpy.context.scene.collection.objects.link(pivot)
    hanging = [ball(f"ball {number}", RADIUS, (0, 0, -HEIGHT), steel)]
    for y in (-HALF_DEPTH, HALF_DEPTH):
        ends = [(0.0, y, 0.0), (0.0, y * 0.06, RADIUS - HEIGHT)]
        hanging.append(wire("thread", ends, 0.012, thread))
    for thing in hanging:
        thing.parent = pivot
    if number in (0, BALLS - 1):
        swing(pivot, 1 if number else -1)


def room(floor: float) -> None:
    """Add a table that bends up into a wall, and the walnut base."""
    profile = [(-14.0, 0.0)]
    profile += [(8 + 4 * sin(a), 4 - 4 * cos(a)) for a in (pi / 2 * n / 16 for n in range(17))]
    profile += [(12.0, 16.0)]
    points = [(x, y, floor + z) for y, z in profile for x in (-30, 30)]
    faces = [(i, i + 1, i + 3, i + 2) for i in range(0, len(points) - 2, 2)]
    mesh = bpy.data.meshes.new("room")
    mesh.from_pydata(points, [], faces)
    mesh.materials.append(material("room", (0.09, 0.15, 0.17), roughness=0.42))
    thing = bpy.data.objects.new("room", mesh)
    bpy.context.scene.collection.objects.link(thing)
    smooth(thing)
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, floor + 0.19))
    base = bpy.context.object
    base.name = "base"
    base.scale = (2 * HALF_WIDTH + 0.8, 2 * HALF_DEPTH + 0.8, 0.38)
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    edge = base.modifiers.new("edge", "BEVEL")
    edge.width, edge.segments = 0.09, 4
    base.data.materials.append(walnut())
    smooth(base)
    base.data.use_auto_smooth = True


def marbles(floor: float) -> None:
    """Add a few glass marbles on the table."""
    for name, colour, radius, x, y in (
        ("amber", (1.0, 0.55, 0.12), 0.42, -1.75, -2.35),
        ("sea", (0.25, 0.75, 0.75), 0.30, -0.8, -2.75),
        ("clear", (0.98, 0.98, 0.96), 0.36, 2.35, -2.2),
        ("ruby", (0.9, 0.12, 0.12), 0.24, 1.6, -2.55),
    ):
        look = material(name, colour, roughness=0, glass=True)
        ball(name, radius, (x, y, floor + radius), look)


def lamp(
    name: str, place: Colour, target: Colour, *, size: float, power: float, colour: Colour
) -> None:
    """Add a square lamp that shines at a point."""
    light = bpy.data.lights.new(name, "AREA")
    light.shape, light.size = "SQUARE", size
    light.energy, light.color = power, colour
    thing = bpy.data.objects.new(name, light)
    thing.location = place
    thing.rotation_euler = (Vector(target) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(thing)


def camera() -> None:
    """Add a camera that sways a little, and always looks at the balls."""
    lens = bpy.data.cameras.new("camera")
    lens.lens = 43
    lens.dof.use_dof = True
    lens.dof.aperture_fstop = 1.1
    thing = bpy.data.objects.new("camera", lens)
    target = bpy.data.objects.new("target", None)
    target.location = (0.25, -0.3, 0.28)
    for each in (thing, target):
        bpy.context.scene.collection.objects.link(each)
    lens.dof.focus_object = target
    follow = thing.constraints.new("TRACK_TO")
    follow.target = target
    for frame in range(1, FRAMES + 2, 6):
        angle = radians(18 + 4 * sin(2 * pi * (frame - 1) / FRAMES))
        thing.location = (-13 * sin(angle), -13 * cos(angle), 3.0)
        thing.keyframe_insert("location", frame=frame)
    bpy.context.scene.camera = thing


def settings(scene: bpy.types.Scene) -> None:
    """Set what is rendered, and how."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 64
    scene.cycles.use_adaptive_sampling = False  # a frame may then be shared out by samples too
    scene.cycles.use_denoising = False  # Debian's Blender has no denoiser
    scene.cycles.max_bounces = 10
    scene.cycles.sample_clamp_indirect = 2
    scene.cycles.blur_glossy = 1
    scene.cycles.caustics_refractive = True
    scene.render.resolution_x, scene.render.resolution_y = 480, 270
    scene.render.resolution_percentage = 100
    scene.render.fps = 24
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.use_motion_blur = True
    scene.render.motion_blur_shutter = 0.5
    scene.render.use_persistent_data = True
    scene.render.filepath = "//cradle_"
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "Medium High Contrast"
    scene.world = bpy.data.worlds.new("dusk")
    scene.world.use_nodes = True
    sky = scene.world.node_tree.nodes["Background"].inputs
    sky["Color"].default_value = (0.16, 0.2, 0.3, 1)
    sky["Strength"].default_value = 0.35


def main(path: Path) -> None:
    """Write the file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    settings(scene)
    floor = -RADIUS - FLOOR_TO_BALL
    room(floor)
    brass = material("brass", (0.83, 0.53, 0.2), metallic=1, roughness=0.18)
    for y in (-HALF_DEPTH, HALF_DEPTH):
        arch(y, floor + 0.38, brass)
    steel = material("steel", (0.86, 0.87, 0.9), metallic=1, roughness=0.04)
    thread = material("thread", (0.7, 0.68, 0.62), roughness=0.4)
    for number in range(BALLS):
        pendulum(number, steel, thread)
    marbles(floor)
    middle = (0.0, 0.0, 0.5)
    lamp("key", (-6, -5, 7), middle, size=3.5, power=2300, colour=(1, 0.78, 0.52))
    lamp("rim", (6.5, 4.5, 5.5), middle, size=2.5, power=1100, colour=(0.62, 0.76, 1))
    lamp("front", (5, -9, 4), middle, size=5, power=420, colour=(1, 0.9, 0.78))
    camera()
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(path.resolve()), compress=True)


if __name__ == "__main__":
    main(Path(sys.argv[sys.argv.index("--") + 1]))
