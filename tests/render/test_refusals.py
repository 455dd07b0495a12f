"""Scenes and options that cannot be rendered: POV-Ray's own words, once, and the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from launchers import LAUNCHERS, MPICH, Launcher
from render.stills import Stage, own_words

pytestmark = pytest.mark.usefixtures("povray")

SIZE = ("+W64", "+H48")

# arguments, exit status, what is said
REFUSED = [
    (("parse_error.pov", *SIZE), 4, "File 'parse_error.pov' line 4: Parse Error: "),
    (("missing_include.pov", *SIZE), 4, "nowhere_to_be_found.inc"),
    (("error_directive.pov", *SIZE), 4, "the moon is not made of cheese"),
    (("fine_edges.pov", "+ZZ9"), 2, "POV-Ray does not take these options: "),
    (("fine_edges.pov", "+Wabc"), 2, "POV-Ray does not take these options: "),
    (("fine_edges.pov", "--", "-F"), 2, "send the picture nowhere"),
    (("fine_edges.pov", "+O-"), 2, "send the picture nowhere, or to stdout"),
    (("fine_edges.pov", "--clock", "0:1"), 2, "--clock, but fine_edges.pov has one frame"),
    (("fine_edges.pov", "--track", "Ball=1:0"), 2, "--track, but fine_edges.pov has one frame"),
    (("fine_edges.pov", "--motion-blur", "4"), 2, "--motion-blur, but fine_edges.pov has one fr"),
    (("fine_edges.pov", "--movie", "a.mp4"), 2, "a movie of one still"),
    (("fine_edges.pov", "+KFF9", "--movie", "a.xyz"), 2, "a.xyz"),
    (("fine_edges.pov", "+KFF9", "--movie", "a.mp4", "--codec", "vp9"), 2, "VP9 does not go into"),
    (("fine_edges.pov", "+KFF9", "--frames", "8-10"), 2, "10"),
    (("fine_edges.pov", "--frames", "1-last"), 2, "last"),
    (("fine_edges.pov", "+KFF9", "+SF12", "+EF13"), 2, "frame 12: it has more digits than the"),
    (("fine_edges.pov", "+KFF9", "+FJ", "--motion-blur", "4"), 2, "motion blur of JPEG"),
    (("fine_edges.pov", "+KFF9", "--movie", "none/a.mp4"), 7, "no such folder: "),
    (("none*.pov",), 2, "no scenes: none*.pov"),
    (("none.toml",), 2, "none.toml: cannot be read"),
    (("fine_edges.pov", "+SR10", "+ER5"), 2, "nothing to render"),
    (("nothing.pov",), 2, "no such scene: nothing.pov"),
    (("nothing.ini",), 2, "no such scene: nothing.ini"),
    (("library",), 2, "library is a folder, expected a scene"),
    (("fine_edges.pov", "+Onone/x.png"), 7, "no such folder: "),
    (("fine_edges.pov", "--program", "no-such-povray"), 3, "no program 'no-such-povray'"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED]
)
def test_what_cannot_be_rendered_is_told_once(
    arguments: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, 3, arguments)
    assert done.returncode == status, done.stderr
    (line,) = own_words(done.stderr)
    assert said in line
    assert done.stdout == ""
    assert stage.new_files == set()
    assert stage.scratch_folders == []
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)
def test_a_parse_error_is_told_once_under_every_launcher(
    launcher: Launcher, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    done = stage.mpirender(launcher, 4, ["parse_error.pov", "+W64", "+H160"])
    assert done.returncode == 4, done.stderr
    (line,) = own_words(done.stderr)
    assert "File 'parse_error.pov' line 4: Parse Error: " in line


def test_an_option_that_povray_does_not_know_is_shown_in_its_own_words(tmp_path: Path) -> None:
    done = Stage(tmp_path).mpirender(MPICH, 2, ["fine_edges.pov", "+ZZ9"])
    assert "  | " in done.stderr
    assert "Failed to parse command-line option" in done.stderr
