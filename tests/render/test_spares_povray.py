"""POV-Ray started before its task is known: it waits, and then does as any other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from launchers import MPICH, OPENMPI5, Launcher
from render.stills import DATA, Stage, assert_same, own_words, still
from unit.samples import job

from mpirender.backoff import Backoff
from mpirender.errors import SetupError
from mpirender.images import read_picture
from mpirender.model import Job, PictureType, Task, Tile
from mpirender.partition import Grid
from mpirender.renderers.povray.renderer import Povray
from mpirender.renderers.povray.spare import PovraySpare
from mpirender.renderers.povray.state import StateFile
from mpirender.resting import close_resting

pytestmark = pytest.mark.usefixtures("povray")

LIMIT_S = 30.0
LONG_WAIT_S = 14.0  # POV-Ray's own threads give each other up after ten
PART = Task(7, Tile(32, 64, 32, 96))


@pytest.fixture
def work(tmp_path: Path) -> Job:
    """A still whose tasks are alike."""
    (tmp_path / "s.pov").write_text((DATA / "fine_edges.pov").read_text())
    one = job(
        renderer="povray",
        arguments=("+Is.pov", "+W96", "+H80", "+A0.1"),
        directory=tmp_path,
        width=96,
        height=80,
        picture=PictureType("png", 8),
    )
    return replace(one, block=32, streams=True, spares=True)


def waiting(work: Job) -> PovraySpare:
    spare = Povray().spare(work, threads=1)
    assert spare is not None
    return spare


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield scratch
    close_resting()
    assert list(scratch.glob("mpirender-spare-*")) == []


def light(data: bytes) -> bytes:
    """The pixels of a block; what stands before them has addresses in POV-Ray's memory."""
    return data[data.index(b"PBloVFL4") : data.index(b"PiIdINT4")]


def rendered(spare: PovraySpare, work: Job, task: Task, scratch: Path) -> dict[int, bytes]:
    """The blocks that a spare makes of a task, as soon as they are all there; and its end."""
    output, log = scratch / "task-000007.1.png", scratch / "task-000007.1.log"
    grid = Grid(work.area, work.block)
    state = StateFile(output, grid)
    done: dict[int, bytes] = {}
    limit = time.monotonic() + LIMIT_S
    with closing(state), closing(spare):
        assert spare.take_up(task, state, output, log)
        while spare.poll() is None:
            spare.lines()
            done |= {record.block: light(record.data) for record in state.read()}
            assert time.monotonic() < limit
            Backoff().sleep()
        spare.lines()
        done |= {record.block: light(record.data) for record in state.read()}
        assert spare.exit and spare.exit.status == 0
    assert "Persistence of Vision" in log.read_text()
    return done


def test_a_spare_renders_its_task_and_nothing_else(work: Job, scratch: Path) -> None:
    done = rendered(waiting(work), work, PART, scratch)
    assert sorted(done) == Grid(work.area, work.block).blocks_of(PART.tile)


def test_its_blocks_are_those_of_a_process_that_was_started_for_the_task(
    work: Job, scratch: Path
) -> None:
    whole = rendered(waiting(work), work, Task(0, work.area), scratch)
    assert len(whole) == 9
    part = rendered(waiting(work), work, PART, scratch)
    assert {block: whole[block] for block in part} == part


def test_its_picture_is_where_that_of_the_task_would_be(work: Job, scratch: Path) -> None:
    rendered(waiting(work), work, PART, scratch)
    ours = read_picture(scratch / "task-000007.1.png").pixels
    stage = Stage(scratch)
    stage.plain("fine_edges.pov", "+W96", "+H80", "+A0.1")
    plain = still(stage.picture).pixels
    assert np.array_equal(ours[32:64, 32:96], plain[32:64, 32:96])
    assert not ours[:32].any()  # which other ranks do


def test_a_spare_waits_for_as_long_as_it_takes(work: Job, scratch: Path) -> None:
    spare = waiting(work)
    limit = time.monotonic() + LONG_WAIT_S
    while time.monotonic() < limit:
        assert spare.poll() is None
        Backoff(0.1, 0.1).sleep()
    assert len(rendered(spare, work, PART, scratch)) == 2


def test_a_spare_that_has_died_takes_up_nothing(work: Job, scratch: Path) -> None:
    spare = waiting(work)
    spare.kill()
    with closing(StateFile(scratch / "t.png", Grid(work.area, 32))) as state:
        assert not spare.take_up(PART, state, scratch / "t.png", scratch / "t.log")


def test_one_that_was_started_early_is_the_one_for_such_a_job(work: Job, scratch: Path) -> None:
    spare = waiting(work)
    spare.rest()
    other = Povray().spare(work, threads=2)
    assert other is not None and other is not spare
    other.kill()
    assert Povray().spare(work, threads=1) is spare
    spare.kill()


def test_tasks_that_are_not_alike_get_no_spare(work: Job) -> None:
    assert Povray().spare(job(renderer="povray"), threads=1) is None


def test_a_picture_of_very_many_blocks_gets_none(work: Job) -> None:
    large = replace(work, width=8000, height=8000, area=Tile(0, 8000, 0, 8000), block=80)
    spare = Povray().spare(large, threads=1)
    assert spare is not None
    spare.kill()
    assert Povray().spare(replace(large, block=64), threads=1) is None


def test_where_nothing_can_be_prepared_that_is_told(
    work: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(SetupError, match="No such file"):
        Povray().spare(work, threads=1)
    odd = tmp_path / 'a "b"'
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    with pytest.raises(SetupError, match="no name for a pipe"):
        Povray().spare(work, threads=1)
    assert list(odd.iterdir()) == []


def test_without_room_for_what_it_must_know_it_takes_up_nothing(
    work: Job, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confine(self: StateFile, tile: Tile) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateFile, "confine", confine)
    spare = waiting(work)
    with closing(StateFile(scratch / "t.png", Grid(work.area, 32))) as state, closing(spare):
        assert not spare.take_up(PART, state, scratch / "t.png", scratch / "t.log")


# -------------------------------------------------------------------------- in a whole run


@pytest.mark.parametrize("pattern", ["+RP1", "+RS3", "+RP4"])
def test_tiles_in_another_order_are_rendered_once(pattern: str, tmp_path: Path) -> None:
    arguments = ("fine_edges.pov", "+W160", "+H160", pattern)
    whole = Stage(tmp_path / "plain")
    whole.plain(*arguments)
    stage = Stage(tmp_path / "ours")
    done = stage.mpirender(MPICH, 2, [*arguments, "--rows-per-task", "32", "-v"])
    assert done.returncode == 0, done.stderr
    assert "5 tasks on 2 ranks" in done.stderr
    assert "rendered before" not in done.stderr
    assert_same(stage.picture, still(whole.picture))


ADDS = """\
#version 3.7;
global_settings { assumed_gamma 1 }
#fopen Diary "diary.txt" append
#write (Diary, "read\\n")
#fclose Diary
camera { location -4 * z look_at 0 }
plane { z, 1 pigment { gradient y color_map { [0 rgb 0] [1 rgb 1] } scale 9 } finish { ambient 1 } }
"""


def test_only_those_who_render_read_the_scene(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (stage.directory / "s.pov").write_text(ADDS)
    done = stage.mpirender(MPICH, 2, ["s.pov", "+W64", "+H64", "--rows-per-task", "32", "-v"])
    assert done.returncode == 0, done.stderr
    once_more = "written with the scene itself" in done.stderr  # a witness that came too late
    assert (stage.directory / "diary.txt").read_text() == (2 + once_more) * "read\n"


RED = "#declare Wanted = rgb <1, 0, 0>;\n#macro Own(C) pigment { Wanted } #end\n"
SCENE = """\
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location -4 * z look_at 0 }
light_source { <3, 5, -4> rgb 1 }
sphere { 0, 1 #ifdef (Wanted) Own(0) #else pigment { rgb y } #end }
"""


@pytest.mark.parametrize("place", ["on the command line", "in an INI file", "in povray.ini"])
def test_the_users_own_header_is_read(place: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    folder = stage.directory
    (folder / "red.inc").write_text(RED)
    (folder / "s.pov").write_text(SCENE)
    arguments = ["s.pov", "+W96", "+H96", "+Oo.png"]
    if place == "on the command line":
        arguments.append("+HIred.inc")
    elif place == "in an INI file":
        (folder / "s.ini").write_text("Input_File_Name=s.pov\nInclude_Header=red.inc\n")
        arguments[0] = "s.ini"
    else:
        (folder / "povray.ini").write_text("Include_Header=red.inc\n")
    done = stage.mpirender(MPICH, 2, arguments)
    assert done.returncode == 0, done.stderr
    assert own_words(done.stderr) == []
    ours = still(folder / "o.png")
    (folder / "o.png").unlink()
    stage.plain(*arguments)
    assert_same(folder / "o.png", ours)
    assert ours.pixels[48, 48, 0] > 100 > ours.pixels[48, 48, 1]  # red


@pytest.mark.parametrize("launcher", [MPICH, OPENMPI5], ids=str)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("fine_edges.pov", "+W96", "+H80"), 0),
        (("fine_edges.pov", "+W96", "+H80", "--dry-run"), 0),
        (("fine_edges.pov", "+KFF2", "+W96", "+H80"), 0),
        (("fine_edges.pov", "+ZZ9"), 2),
        (("fine_edges.pov", "+W96", "--no-such-option"), 2),
    ],
    ids=["still", "dry run", "animation", "switch", "option"],
)
def test_nothing_that_was_started_early_is_left(
    launcher: Launcher, arguments: Sequence[str], status: int, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    done = stage.mpirender(launcher, 3, arguments)
    assert done.returncode == status, done.stderr
    assert stage.scratch_folders == []
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert [each for each in commands if str(stage.scratch) in " ".join(each)] == []
