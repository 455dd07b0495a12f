"""What POV-Ray makes of the values of tracks, one way and the other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from launchers import run
from render.stills import still

from mpirender.tracks import Setting, Value, declare, include_header

ASKING = """#version 3.7;
global_settings { assumed_gamma 1 }
camera { location -3*z look_at 0 }
#debug concat("<", str(A, 0, 17), ">\\n")
"""
SEEN = """
#ifndef (A) #declare A = 0.25; #end
camera { location -5*z look_at 0 }
light_source { <1, 2, -5> color rgb 1 }
sphere { 0, 1 pigment { granite } normal { bumps 0.5 } finish { reflection 0.1 } translate A*x }
"""


def answers(folder: Path, *arguments: str) -> list[float]:
    """Render a scene that tells the value of A and return what it told, frame by frame."""
    (folder / "asking.pov").write_text(ASKING)
    done = run(["povray", "+Iasking.pov", "+W1", "+H1", "-F", "-D", *arguments], cwd=folder)
    assert done.returncode == 0, done.stderr
    return [float(number) for number in re.findall(r"^<(.*)>", done.stderr, re.MULTILINE)]


@pytest.mark.parametrize(
    ("value", "arrived"),
    [
        (-1.5, -1.5),
        (1e-7, 1e-7),
        (1e22, 1e22),
        (0.123456789, 0.123457),
        (1234567.0, 1234570.0),
    ],
)
def test_six_digits_arrive_of_a_declared_value(
    tmp_path: Path, value: float, arrived: float
) -> None:
    assert answers(tmp_path, *declare([("A", value)])) == pytest.approx([arrived], rel=1e-12)


def test_the_first_declaration_counts(tmp_path: Path) -> None:
    (tmp_path / "user.ini").write_text("Declare=A=3\n")
    assert answers(tmp_path, "Declare=A=1", "Declare=A=2", "user.ini") == [1]


def test_an_include_file_gives_each_frame_all_digits(tmp_path: Path) -> None:
    values: list[Value] = [1 / 3, -2.5e-9, 123456789.125]
    frames: list[tuple[int, list[Setting]]] = [(5 + i, [("A", v)]) for i, v in enumerate(values)]
    (tmp_path / "values.inc").write_text(include_header(frames))
    told = answers(tmp_path, "+HIvalues.inc", "Declare=A=7", "+KFI1", "+KFF9", "+SF5", "+EF7")
    assert told == pytest.approx(values, rel=1e-15, abs=1e-17)


@pytest.mark.parametrize("version", ["", "#version 3.5;", "#version 3.7;"])
def test_an_include_file_changes_nothing_else_in_the_picture(tmp_path: Path, version: str) -> None:
    (tmp_path / "seen.pov").write_text(version + SEEN)
    (tmp_path / "values.inc").write_text(include_header([(0, [("A", 0.25)])]))
    command = ["povray", "+Iseen.pov", "+W32", "+H24", "+FN16", "-D"]
    for arguments in (["+Oalone.png"], ["+Owith.png", "+HIvalues.inc"]):
        assert run([*command, *arguments], cwd=tmp_path).returncode == 0
    alone, with_file = still(tmp_path / "alone.png"), still(tmp_path / "with.png")
    assert np.array_equal(alone.pixels, with_file.pixels)
