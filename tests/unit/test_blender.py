from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest.mock import Mock

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from unit.samples import job

from mpirender.cli.render import divide
from mpirender.errors import (
    MpirenderError,
    OutputMismatch,
    RendererFailed,
    RendererNotFound,
    SceneError,
    SetupError,
    UsageError,
)
from mpirender.flags import MovieFlags
from mpirender.model import Job, JobFrame, Task, Tile
from mpirender.partition import Grid, Split
from mpirender.process import Exit
from mpirender.renderers import ask
from mpirender.renderers.base import Request, SceneInfo
from mpirender.renderers.blender import Blender, BlenderWatch, parse_options
from mpirender.renderers.blender.blocks import BlenderLastPass, assemble, passes_of
from mpirender.renderers.blender.inside.devices import card_of, kind_of
from mpirender.renderers.blender.inside.wire import Fault
from mpirender.renderers.blender.play import Play, argv_of
from mpirender.renderers.blender.question import failed_scripts, own_pattern
from mpirender.shots import AskedShot, MovieOrder, Shots, with_movies

DONE, KILLED = Exit(0, 1.0, 1), Exit(-6, 1.0, 1)
FRAMES = (JobFrame(4, Path("/out/f4.png")), JobFrame(6, Path("/out/f6.png")))
PLAY = Play("/x/s.blend", False, {"samples": 4}, "CYCLES", ".png", (16, 24))


# ------------------------------------------------------------------------------- what was typed


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("", (1, 3, 5)),
        ("-j 1", (1, 2, 3, 4, 5)),
        ("-a", (1, 3, 5)),
        ("-f 7", (7,)),
        ("-f 1,3,5..6", (1, 3, 5, 6)),
        ("-f 2-4", (2, 3, 4)),
        ("-f +1,-1", (2, 5)),  # as measured: from the first frame, and from one after the last
        ("-f 3..-1", (3, 4, 5)),
        ("-f last", None),
    ],
)
def test_frames_are_those_that_blender_would_render(
    typed: str, numbers: tuple[int, ...] | None
) -> None:
    options = parse_options(typed.split())
    if numbers is None:
        with pytest.raises(UsageError):
            options.numbers(1, 5, 2)
    else:
        assert options.numbers(1, 5, 2) == numbers


@pytest.mark.parametrize(
    ("typed", "override"),
    [
        ("-s +2", ("start", "+2")),
        ("-e 9", ("end", "9")),
        ("-E CYCLES", ("engine", "CYCLES")),
        ("--engine=CYCLES", ("engine", "CYCLES")),
        ("-S Other", ("scene", "Other")),
        ("-F tga", ("format", "TARGA")),
        ("-F OPEN_EXR", ("format", "OPEN_EXR")),
        ("-x 0", ("extension", False)),
        ("--samples 8", ("samples", 8)),
        ("--view-layer=fore ground", ("view_layer", "fore ground")),
        ("--no-denoise", ("denoise", False)),
        ("--device CUDA", ("device", "CUDA")),
    ],
)
def test_what_is_typed_overrides_the_scene(typed: str, override: tuple[str, object]) -> None:
    words = [typed] if typed.startswith("--view") else typed.split()
    assert parse_options(words).overrides == (override,)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("-s x", "-s: got 'x', expected a frame"),
        ("-j 0", "-j: got '0', expected a number from 1"),
        ("-x yes", "-x: got 'yes', expected 0 or 1"),
        ("--device toaster", "--device: got 'toaster', expected one of cpu, cuda, "),
        ("--samples many", "--samples: got 'many'"),
        ("-f", "-f: no value"),
        ("-f 1 -s 2", "-f beside -s"),
        ("+W64", r"\+W64: not known of a .blend scene"),
    ],
)
def test_what_is_not_understood_is_told(typed: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_options(typed.split())


def test_of_a_blend_scene_blenders_flags_need_no_dashes_before_them() -> None:
    argv = "a.blend -s 1 -o -x -e 9 --size 4x4 -E CYCLES -q --percent=50 -a -v -- -x 0"
    own = ["a.blend", "-o", "-x", "--size", "4x4", "-q", "-v"]
    theirs = "-s 1 -e 9 -E CYCLES --percent=50 -a -x 0"
    assert divide(argv.split()) == (own, tuple(theirs.split()))


def test_a_value_of_a_blender_flag_may_look_like_anything() -> None:
    own, theirs = divide(["a.blend", "--camera", "-s", "--renderer", "blender"])
    assert (own, theirs) == (["a.blend", "--renderer", "blender"], ("--camera", "-s"))


def test_of_other_scenes_they_are_not_known() -> None:
    assert divide(["a.pov", "-s", "1"]) == (["a.pov", "-s", "1"], ())


@pytest.mark.parametrize(
    ("output", "numbers", "pattern"),
    [
        (None, [1], ""),
        ("walk", [1, 2], "{here}/walk"),
        ("walk##", [1, 2], "{here}/walk##"),
        ("//walk##", [1, 2], "//walk##"),
        ("walk.png", [1, 2], "{here}/walk####.png"),
        ("//walk.png", [1], "//walk####.png"),
        ("walk.jpg", [1, 2], "{here}/walk.jpg"),  # not the ending of these pictures
        ("/abs/walk", [1], "/abs/walk"),
    ],
)
def test_an_output_means_what_it_means_to_blender(
    output: str | None, numbers: list[int], pattern: str
) -> None:
    found = own_pattern(Path(output) if output else None, ".png", numbers)
    assert found == pattern.format(here=Path.cwd())


def test_a_still_goes_to_the_very_name_that_has_its_ending() -> None:
    assert own_pattern(Path("still.png"), ".png", [7]) == Path.cwd() / "still.png"
    assert own_pattern(Path("still.jpeg"), ".jpg", [7]) == Path.cwd() / "still.jpeg"


def test_a_folder_gets_the_pictures_into_it(tmp_path: Path) -> None:
    assert own_pattern(tmp_path, ".png", [1, 2]) == f"{tmp_path}/"


@pytest.mark.parametrize(
    "asked",
    [
        {"curves": (("x", None),)},
        {"clock": (0.0, 1.0)},
        {"motion_blur": 4},
        {"scenes": ("a.blend", "b.blend")},
        {"arguments": ("-f", "1"), "frames": object()},
    ],
    ids=str,
)
def test_what_is_not_for_blender_is_refused(tmp_path: Path, asked: dict[str, object]) -> None:
    scene = tmp_path / "a.blend"
    scene.touch()
    request = Request("", str(scene), **asked)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        Blender().ask(request)


# ---------------------------------------------------------------------------------- commands


def job_of(play: Play = PLAY) -> Job:
    return replace(
        job(renderer="blender", arguments=(play.argument(),)), program="blender", frames=FRAMES
    )


TASK = Task(3, Tile(0, 24, 0, 16, 0, 2), 0, (4, 6))


def test_ranks_ask_one_process_for_all_tasks(tmp_path: Path) -> None:
    commands = [
        Blender().command(job_of(), task, attempt=1, threads=2, scratch=tmp_path)
        for task in (TASK, replace(TASK, id=4, numbers=(6,)))
    ]
    assert commands[0].argv == commands[1].argv
    assert "-t 2" in " ".join(commands[0].argv)
    assert json.loads(commands[0].request) == {
        "do": "frames",
        "play": {
            "file": "/x/s.blend",
            "scripts": False,
            "options": {"samples": 4},
            "threads": 2,
            "played": [],
        },
        "frames": [
            [4, str(tmp_path / "task-000003.1.f4.png")],
            [6, str(tmp_path / "task-000003.1.f6.png")],
        ],
    }


def test_a_part_of_a_frame_is_asked_for_with_what_lies_around_it(tmp_path: Path) -> None:
    part = Task(5, Tile(8, 16, 0, 16, frame=1), 0, (6,))
    work = job_of(replace(PLAY, margin=1))
    command = Blender().command(work, part, attempt=2, threads=2, scratch=tmp_path)
    asked = json.loads(command.request)
    assert (asked["do"], asked["frame"]) == ("block", 6)
    assert asked["part"] == {"tile": [7, 17, 0, 16]}
    assert asked["output"] == str(tmp_path / "task-000005.2.f6.exr")


@given(st.integers(1, 5000), st.integers(1, 256), st.data())
def test_parts_of_the_samples_have_every_sample_once(
    samples: int, shares: int, data: st.DataObject
) -> None:
    shares = min(samples, shares)
    play = replace(PLAY, samples=samples)
    edges = sorted(data.draw(st.sets(st.integers(1, shares))) | {0, shares})
    parts = [play.samples_of(Tile(a, b, 0, 1), shares) for a, b in pairwise(edges)]
    assert all(count > 0 for _, count in parts)
    assert [n for first, count in parts for n in range(first, first + count)] == [*range(samples)]


def test_a_part_of_the_samples_is_asked_for_as_such(tmp_path: Path) -> None:
    work = replace(job_of(replace(PLAY, samples=20)), area=Tile(0, 10, 0, 1), block=1)
    part = Task(5, Tile(2, 5, 0, 1, frame=1), 0, (6,))
    command = Blender().command(work, part, attempt=1, threads=2, scratch=tmp_path)
    assert json.loads(command.request)["part"] == {"samples": [4, 6]}


@pytest.mark.parametrize(("scene", "split"), [("s.pov", "samples"), ("s.blend", "tiles")])
def test_a_way_to_cut_that_a_renderer_does_not_know_is_refused(scene: str, split: str) -> None:
    with pytest.raises(UsageError, match=f"--split {split}: not with "):
        ask(Request("", scene, split=Split(split)))


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        (
            ("L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R"),
            [("RGBA", [3, 2, 1, 0])],
        ),
        (("L.Vector.W", "L.Vector.X", "L.Vector.Y", "L.Vector.Z"), [("XYZW", [1, 2, 3, 0])]),
        (("L.UV.A", "L.UV.U", "L.UV.V"), [("UVA", [1, 2, 0])]),
        (("a.b.Depth.Z", "a.b.Mist.Z"), [("Z", [0]), ("Z", [1])]),
        (("L.CryptoObject00.a", "L.CryptoObject00.r"), [("ra", [1, 0])]),
    ],
)
def test_channels_go_back_to_the_order_that_they_have_in_blender(
    names: tuple[str, ...], passes: list[tuple[str, list[int]]]
) -> None:
    found = [("".join(c for c, _ in chs), [i for _, i in chs]) for _, _, chs in passes_of(names)]
    assert found == passes


def test_a_part_that_is_not_there_yet_has_no_blocks(tmp_path: Path) -> None:
    task = Task(5, Tile(8, 16, 0, 16), numbers=(6,))
    stream = Blender().stream(job_of(), task, tmp_path / "task-000005.2.f6.exr")
    assert (stream.read(), stream.header) == ([], b"")


NAMES = ("L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R", "L.Depth.Z")


def write_layers(path: Path, pixels: NDArray[np.float32], samples: str) -> None:
    """Write an EXR as Blender does, with a note of the samples."""
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, "float")
    spec.channelnames = NAMES
    spec.attribute("cycles.L.samples", samples)
    spec.attribute("cycles.L.render_time", "00:01.00")
    file = oiio.ImageOutput.create(str(path))
    assert file, oiio.geterror()
    assert file.open(str(path), spec)
    assert file.write_image(np.ascontiguousarray(pixels))
    file.close()


def put_together(folder: Path, work: Job, parts: dict[Tile, NDArray[np.float32]]) -> Put:
    """Let parts of a frame travel from Blender's files to those that Blender is handed."""
    tiles = folder / "tiles"
    blender, grid = Blender(), Grid(work.area, work.block)
    data, blocks = b"", []
    for tile, pixels in parts.items():
        path = folder / "task-000001.1.f4.exr"
        write_layers(path, pixels, samples="4")
        stream = blender.stream(work, Task(1, tile, 0, (4,)), path)
        assert stream.read() == []
        records = stream.read(ended=True)
        data += b"".join(record.data for record in records)
        blocks += [record.block for record in records]
        tiles.write_bytes(stream.header + data)
    assert sorted(blocks) == grid.blocks_of(work.area)
    passes, notes = assemble(tiles, work, folder)
    read = {one["pass"]: np.fromfile(one["path"], "<f4").reshape(24, 16, -1) for one in passes}
    return Put(read, notes)


class Put(NamedTuple):
    passes: dict[str, NDArray[np.float32]]
    notes: dict[str, str]


FRAME = np.random.default_rng(1).random((24, 16, len(NAMES)), np.float32)


def test_rectangles_become_the_passes_of_the_frame_upside_down(tmp_path: Path) -> None:
    work = job_of(replace(PLAY, margin=1))
    parts = {Tile(0, 8, 0, 16): FRAME[:9], Tile(8, 24, 0, 16): FRAME[7:]}
    put = put_together(tmp_path, work, parts)
    np.testing.assert_array_equal(put.passes["Combined"], FRAME[::-1, :, [3, 2, 1, 0]])
    np.testing.assert_array_equal(put.passes["Depth"], FRAME[::-1, :, [4]])
    assert put.notes == {"cycles.L.samples": "4"}


def test_parts_of_the_samples_become_their_weighted_mean(tmp_path: Path) -> None:
    work = replace(job_of(replace(PLAY, samples=10)), area=Tile(0, 5, 0, 1), block=1)
    parts = {Tile(2, 5, 0, 1): 2 * FRAME, Tile(0, 2, 0, 1): FRAME}
    put = put_together(tmp_path, work, parts)
    expected = 1.6 * FRAME[::-1, :, [3, 2, 1, 0]]
    np.testing.assert_allclose(put.passes["Combined"], expected, rtol=1e-6)
    np.testing.assert_array_equal(put.passes["Depth"], FRAME[::-1, :, [4]])  # of the first sample
    assert put.notes == {"cycles.L.samples": "10"}


def test_a_part_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputMismatch, match=r"got \(9, 16\) rows and columns, expected \(8, 16\)"):
        put_together(tmp_path, job_of(), {Tile(0, 8, 0, 16): FRAME[:9]})


def test_a_block_is_shown_by_its_colours() -> None:
    pixels = np.array([[[0.0, 1.0, 0.5, 1.0], [2.0, -1.0, 0.0, 0.0]]], "<f4")
    shown = Blender().preview(bytes(8) + pixels.tobytes(), Tile(0, 1, 0, 2))
    assert shown.tolist() == [[[0, 255, 186], [255, 0, 0]]]


def test_scripts_of_a_file_stay_off_unless_they_are_let_run() -> None:
    assert "-Y" in argv_of("blender", threads=1, scripts=False)
    assert "-y" in argv_of("blender", threads=1, scripts=True)


@pytest.mark.parametrize("program", ["/opt/bpy/bin/python", "python3.11", sys.executable])
def test_a_python_runs_the_same_script_by_itself(program: str) -> None:
    boot = argv_of("blender", threads=1, scripts=False)[-1]
    assert argv_of(program, threads=1, scripts=False) == (program, boot)
    assert Path(boot).is_file()


def test_a_play_travels_as_one_word() -> None:
    assert Play.of(PLAY.argument()) == replace(PLAY, picture=[16, 24])  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ what it says

LINE = "Fra:4 Mem:9M (Peak 9M) | Time:00:00.11 | Mem:1M, Peak:1M | Scene, ViewLayer | "


def watch(*lines: str, engine: str = "CYCLES", frames: int = 2) -> BlenderWatch:
    watch = BlenderWatch(engine, frames=frames)
    for line in lines:
        watch.see(line)
    return watch


def test_samples_tell_how_far_a_frame_is() -> None:
    seen = watch(LINE + "Sample 3/4")
    assert (seen.fraction, seen.is_setting_up) == (0.375, False)
    seen.see('@blender {"saved": 4}')
    seen.see(LINE + "Rendering 26 / 52 samples")
    assert (seen.fraction, seen.frames_done) == (0.75, 1)


def test_nothing_is_rendered_while_the_scene_is_read() -> None:
    seen = watch(LINE + "Updating Scene", '@blender {"version": "3.4.1"}')
    assert (seen.fraction, seen.is_setting_up, seen.version) == (0, True, "3.4.1")


def test_what_is_played_for_a_simulation_is_no_progress() -> None:
    played = ('@blender {"plays": true}', LINE + "Sample 8/8", '@blender {"plays": false}')
    seen = watch(*played)
    assert (seen.fraction, seen.is_setting_up) == (0, True)
    assert watch(*played, LINE + "Sample 8/8").fraction == 0.5


FAILED = """\
Traceback (most recent call last):
  File "/s.blend/on_load.py", line 3, in <module>
    find()
  File "/s.blend/on_load.py", line 2, in find
    raise ValueError("no ball")
ValueError: no ball
Blender 3.4.1"""


def test_a_script_that_fails_is_told_with_its_place() -> None:
    (remark,) = failed_scripts(FAILED.splitlines())
    assert "failed: ValueError: no ball (/s.blend/on_load.py, line 2); " in remark
    assert failed_scripts(["Blender 3.4.1", "", "ValueError: no ball"]) == []


@pytest.mark.parametrize("torn", ['{"saved": 4', "", "4", '{"saved": 4}Fra:4 Mem:9M', "[1]"])
def test_a_torn_line_says_nothing(torn: str) -> None:
    seen = watch('@blender {"saved": 2}', "@blender " + torn)
    assert seen.frames_done == 1
    seen.see('@blender {"saved": 3}')
    seen.judge(DONE)


def test_a_blender_that_hangs_before_the_last_pass_is_ended_for_it() -> None:
    last_pass = BlenderLastPass.__new__(BlenderLastPass)
    own, opening = Mock(**{"poll.return_value": None, "lines.return_value": []}), Mock()
    own.is_stalled.return_value = False  # it waits
    last_pass._sitting, last_pass._watch = own, BlenderWatch()
    last_pass._hall = Mock()
    last_pass._hall.session.first = opening
    opening.is_stalled.return_value = False
    assert last_pass.poll() is None
    opening.kill.assert_not_called()
    opening.is_stalled.return_value = True
    assert last_pass.poll() is None
    opening.kill.assert_called_once_with()
    last_pass._hall.session.first = own
    own.is_stalled.return_value = True
    with pytest.raises(RendererFailed, match="it hangs"):
        last_pass.poll()
    own.kill.assert_not_called()


def test_frames_that_are_said_to_be_saved_count() -> None:
    watch('@blender {"saved": 4}', '@blender {"saved": 6}').judge(DONE)
    with pytest.raises(RendererFailed, match="saved 1 of 2 frames"):
        watch('@blender {"saved": 4}').judge(DONE)


def fault(kind: str, text: str) -> str:
    return "@blender " + json.dumps({"fault": text, "kind": kind})


@pytest.mark.parametrize(
    ("lines", "end", "error", "told"),
    [
        ([fault("usage", "no engine X")], DONE, UsageError, "no engine X"),
        ([fault("host", "--device hip: no such")], DONE, RendererNotFound, "--device hip: no"),
        ([fault("file", "Missing DNA block")], DONE, SceneError, "cannot open it: Missing DNA"),
        ([fault("render", "Cannot render, no camera")], DONE, SceneError, "no camera"),
        (
            [fault("render", "Build without OpenImageDenoiser")],
            *(DONE, SetupError, "no denoiser: Build without"),
        ),
        ([fault("render", "disk\nfull")], DONE, RendererFailed, "Blender: disk; full"),
        (["disk full", fault("nothing", "no picture")], DONE, RendererFailed, "picture: disk full"),
        ([fault("nothing", "no picture")], DONE, RendererFailed, "no picture: without a word"),
        (["out of memory", LINE], KILLED, RendererFailed, "SIGABRT: out of memory"),
        ([], KILLED, RendererFailed, "SIGABRT: without a word"),
    ],
)
def test_what_went_wrong_is_told_in_its_words(
    lines: list[str], end: Exit, error: type[MpirenderError], told: str
) -> None:
    with pytest.raises(error, match=told):
        watch(*lines).judge(end)


EPOXY = "epoxy_get_proc_address: Assertion `0 && \"Couldn't find current GLX or EGL context.\\n\"'"


def test_an_engine_without_anything_to_draw_on_condemns_the_host() -> None:
    with pytest.raises(RendererNotFound, match="BLENDER_EEVEE has nothing to draw on"):
        watch(EPOXY, engine="BLENDER_EEVEE").judge(KILLED)
    with pytest.raises(RendererFailed):
        watch(EPOXY).judge(KILLED)


# -------------------------------------------------------------------------------------- cards


@pytest.mark.parametrize(
    ("wanted", "there", "kind"),
    [
        ("AUTO", set(), ""),
        ("AUTO", {"CUDA", "OPTIX"}, "OPTIX"),
        ("CUDA", {"CUDA", "OPTIX"}, "CUDA"),
    ],
)
def test_the_kind_of_card_is_the_one_asked_for_or_the_best(
    wanted: str, there: set[str], kind: str
) -> None:
    assert kind_of(wanted, there) == kind


def test_a_card_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(Fault, match="--device hip: no such card here; there are: OPTIX, CUDA"):
        kind_of("HIP", {"CUDA", "OPTIX"})


def test_each_rank_of_a_host_has_a_card_of_its_own_while_there_are_enough() -> None:
    assert [card_of(2, place) for place in range(4)] == [0, 1, 0, 1]


# -------------------------------------------------------------------------------------- movies


def shots(*movies: MovieOrder) -> Shots:
    return Shots((AskedShot("", Blender(), None),), movies)  # type: ignore[arg-type]


def info(rate: str, movie: str = "", codec: str = "", frames: int = 2) -> SceneInfo:
    return SceneInfo(
        *("blender", "3.4.1", (), 16, 24, Tile(0, 24, 0, 16), 24, job().picture, Path("/out/f")),
        frames=FRAMES[:frames],
        rate=rate,
        movie=Path(movie) if movie else None,
        codec=codec,
    )


def test_a_movie_has_the_rate_of_its_scene_unless_another_one_is_asked_for() -> None:
    asked = shots(MovieOrder(MovieFlags(Path("a.mp4"))), MovieOrder(MovieFlags(Path("b.gif"), "5")))
    rates = [order.movie.fps for order in with_movies(asked, [info("24000/1001")]).movies]
    assert rates == ["24000/1001", "5"]


@pytest.mark.parametrize(
    ("movie", "codec", "made"),
    [
        ("/m/a.mkv", "h264", MovieFlags(Path("/m/a.mkv"), "24", "h264")),
        ("/m/a.ogv", "theora", MovieFlags(Path("/m/a.mp4"), "24")),
        ("/m/a.mp4", "mpeg4", MovieFlags(Path("/m/a.mp4"), "24")),
    ],
)
def test_a_scene_that_writes_a_movie_gets_one(movie: str, codec: str, made: MovieFlags) -> None:
    orders = with_movies(shots(), [info("24", movie, codec)]).movies
    assert orders == (MovieOrder(made),)


def test_a_still_of_it_gets_none_and_neither_does_who_asks_for_another() -> None:
    assert with_movies(shots(), [info("24", "/m/a.mkv", frames=1)]).movies == ()
    other = MovieOrder(MovieFlags(Path("b.gif"), "5"))
    assert with_movies(shots(other), [info("24", "/m/a.mkv")]).movies == (other,)
