from __future__ import annotations

from pathlib import Path

import pytest

from mpirender.renderers.povray.audit import audit, has_radiosity


def features(folder: Path, text: str, *folders: Path) -> list[tuple[str, str]]:
    """What is found in a scene: feature, and file and line."""
    scene = folder / "scene.pov"
    scene.write_text(text)
    return [(f.feature, Path(f.place).name) for f in audit(scene, folders)]


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("global_settings { radiosity { count 5 } }", "radiosity"),
        ("global_settings { photons { count 5 } }", "photons"),
        ("light_source { 1 1 area_light x,y,3,3 jitter }", "area light with jitter"),
        ("interior { media { jitter 0.5 } }", "media with jitter"),
        ("interior { media { intervals 5 jitter method 3 } }", "media with jitter"),
        ("rainbow { jitter 0.1 }", "rainbow with jitter"),
        ("media { method 1 }", "media of method 1"),
        ("plane { y, 0 pigment { color <1, 1, 1> } finish { crand 0.2 } }", "crand"),
        ("finish { subsurface { translucency 1 } }", "subsurface light transport"),
        ("isosurface { function { x } evaluate 3, 1.2, .9 }", "isosurface with evaluate"),
        ("julia_fractal { <0, 1, 2, 3> }", "Julia fractal"),
    ],
)
def test_what_depends_on_the_order_is_found(tmp_path: Path, text: str, feature: str) -> None:
    assert features(tmp_path, text) == [(feature, "scene.pov:1")]


@pytest.mark.parametrize(
    "text",
    [
        "sphere { 0, 1 pigment { rgb 1 } }",
        "// global_settings { radiosity { } }",
        "/* light_source { 1 1 jitter } */",
        '#debug "media { jitter }" sphere { 0, 1 }',
        "interior { media { jitter 0 } }",
        "media { method 3 }",
        "finish { crand 0 }",
        "global_settings { subsurface { samples 50 } }",
        "sphere { 0, 1 photons { target reflection on } }",
        "#declare radiosity_is_on = 0;",
        "camera { location 0 focal_point 0 }",
    ],
)
def test_what_does_not_is_not(tmp_path: Path, text: str) -> None:
    assert features(tmp_path, text) == []


def test_included_files_are_read_once_and_named(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "light.inc").write_text('#include "light.inc"\n\nlight_source { 0 1 jitter }')
    text = '#include "light.inc"\n#include "light.inc"\n#include "none.inc"\nmedia { method 1 }'
    assert features(tmp_path, text, library) == [
        ("media of method 1", "scene.pov:4"),
        ("area light with jitter", "light.inc:3"),
    ]


LIBRARY = """\
#declare Smooth = texture { pigment { rgb 1 } }
#declare Rough = finish { crand 0.3 }
#declare Stone =
texture { finish { Rough } }
texture { Smooth }
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """POV-Ray's own files."""
    folder = tmp_path / "povray"
    folder.mkdir()
    (folder / "rad_def.inc").write_text("#macro M() radiosity { count 5 } #end")
    (folder / "stones.inc").write_text(LIBRARY)
    return folder


@pytest.mark.parametrize("name", ["Rough", "Stone"])
def test_what_the_scene_takes_from_the_library_counts(
    name: str, tmp_path: Path, library: Path
) -> None:
    text = f'#include "stones.inc"\nsphere {{ 0, 1 texture {{ {name} }} }}'
    assert features(tmp_path, text, library) == [("crand", "stones.inc:2")]


def test_what_it_leaves_there_does_not(tmp_path: Path, library: Path) -> None:
    text = '#include "stones.inc"\n#include "rad_def.inc"\nsphere { 0, 1 texture { Smooth } }'
    assert features(tmp_path, text, library) == []


def test_radiosity_is_looked_for_in_the_files_of_the_scene(tmp_path: Path, library: Path) -> None:
    (tmp_path / "light.inc").write_text("global_settings { radiosity { M() } }")
    scene = tmp_path / "scene.pov"
    scene.write_text('#include "rad_def.inc"\n#include "light.inc"')
    assert has_radiosity(scene, [library])
    scene.write_text('#include "rad_def.inc"')
    assert not has_radiosity(scene, [library])
