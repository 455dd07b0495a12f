from __future__ import annotations

import argparse
import logging
from pathlib import Path

import pytest

from mpirender.cli.render import parse_arguments
from mpirender.errors import UsageError
from mpirender.flags import Flags, MovieFlags
from mpirender.frames import parse_frames
from mpirender.model import Limits
from mpirender.partition import Split
from mpirender.renderers import NAMES, name_for, renderer_named
from mpirender.tracks import parse_track
from mpirender.views.progress import MODES


def flags(*argv: str) -> Flags:
    typed = parse_arguments(argv)
    assert typed is not None
    return typed


def test_a_scene_is_enough() -> None:
    assert flags("scene.pov") == Flags(
        scenes=("scene.pov",),
        passed_on=(),
        output=None,
        size=None,
        threads=None,
        split=Split.AUTO,
        rows_per_task=None,
        policy="auto",
        limits=Limits(retries=2, timeout=None),
        renderer="",
        program="",
        frames=None,
        clock=None,
        tracks=(),
        motion_blur=None,
        shutter=None,
        preview=None,
        movies=(),
        sheet=None,
        snapshot=None,
        reproducible=False,
        tune=False,
        report=None,
        progress="auto",
        dry_run=False,
        keep=False,
        quiet=False,
        log_level=logging.WARNING,
    )


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (("-o", "a b.png"), "output", Path("a b.png")),
        (("--output=/x/y.png",), "output", Path("/x/y.png")),
        (("-o", "threads=4.png"), "output", Path("threads=4.png")),
        (("-o", "+a.png"), "output", Path("+a.png")),
        (("--size", "1920x1080"), "size", (1920, 1080)),
        (("--size", "64X48"), "size", (64, 48)),
        (("--threads", "4"), "threads", 4),
        (("--threads", "auto"), "threads", None),
        (("--split", "tiles"), "split", Split.TILES),
        (("--rows-per-task", "32"), "rows_per_task", 32),
        (("--policy", "gss"), "policy", "gss"),
        (("--policy", "ss", "--rows-per-task", "32"), "policy", "ss"),
        (("--retries", "0"), "limits", Limits(retries=0)),
        (("--timeout", "2.5"), "limits", Limits(timeout=2.5)),
        (("--timeout", ".5"), "limits", Limits(timeout=0.5)),
        (("--renderer", "fake"), "renderer", "fake"),
        (("--frames", "1-9x2"), "frames", parse_frames("1-9x2")),
        (("--clock=-1:2.5",), "clock", (-1, 2.5)),
        (("--track", "Ball=1:0,9:1"), "tracks", (parse_track("Ball=1:0,9:1"),)),
        (("--movie", "a=b.mp4"), "movies", (MovieFlags(Path("a=b.mp4")),)),
        (
            ("--movie", "a.mp4", "--movie", "b.gif", "--fps", "30", "--quality", "70"),
            "movies",
            (
                MovieFlags(Path("a.mp4"), "30", quality=70),
                MovieFlags(Path("b.gif"), "30", quality=70),
            ),
        ),
        (("--report", "a=b.html"), "report", Path("a=b.html")),
        (("--program", "/opt/a=b/povray"), "program", "/opt/a=b/povray"),
        (("--progress", "bar"), "progress", "bar"),
        (("--dry-run",), "dry_run", True),
        (("--keep",), "keep", True),
        (("-q",), "quiet", True),
        (("-q",), "progress", "none"),
        (("-q", "--progress", "bar"), "progress", "bar"),
        (("-q",), "log_level", logging.ERROR),
        (("-v",), "log_level", logging.INFO),
        (("-vv",), "log_level", logging.DEBUG),
        (("-vvv",), "log_level", logging.DEBUG),
    ],
    ids=str,
)
def test_an_option_sets_its_flag(argv: tuple[str, ...], name: str, value: object) -> None:
    assert getattr(flags("scene.pov", *argv), name) == value
    assert getattr(flags(*argv, "scene.pov"), name) == value


@pytest.mark.parametrize(
    ("argv", "passed_on"),
    [
        (("s.pov", "+W64", "+H48"), ("+W64", "+H48")),
        (("+W64", "s.pov", "Width=3", "--keep", "Declare=a=1"), ("+W64", "Width=3", "Declare=a=1")),
        (("s.pov", "--", "-J", "--size", "-o"), ("-J", "--size", "-o")),
        (("s.pov", "+A0.3", "--", "-J", "+A0.1"), ("+A0.3", "-J", "+A0.1")),
        (("s.pov", "-o", "a.png", "+Ob.png"), ("+Ob.png",)),
        (("s.pov", "--"), ()),
    ],
    ids=" ".join,
)
def test_the_renderers_own_arguments_are_passed_on(
    argv: tuple[str, ...], passed_on: tuple[str, ...]
) -> None:
    typed = flags(*argv)
    assert (typed.scenes, typed.passed_on) == (("s.pov",), passed_on)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "no scene given"),
        (("+W64",), "no scene given"),
        (("s.pov", "--clock", "0-1"), "argument --clock: got '0-1', expected such as 0:1"),
        (("s.pov", "--frames", "9-1"), "frames 9-1: "),
        (("s.pov", "--track", "Ball"), "Ball"),
        (("s.pov", "--preview", "0"), "argument --preview: got '0', expected a whole number"),
        (("s.pov", "--motion-blur", "x"), "argument --motion-blur: got 'x', expected a whole"),
        (("s.pov", "--size", "64"), "argument --size: got '64', expected WxH in pixels"),
        (("s.pov", "--size", "0x48"), "argument --size: got '0x48', expected WxH in pixels"),
        (("s.pov", "--size", "64x00"), "argument --size: got '64x00', expected WxH in pixels"),
        (("s.pov", "--size", "-1x5"), "argument --size: expected one argument"),
        (("s.pov", "--threads", "0"), "argument --threads: got '0', expected a whole number from"),
        (("s.pov", "--threads", "two"), "argument --threads: got 'two', expected a whole number"),
        (("s.pov", "--rows-per-task", "1.5"), "got '1.5', expected a whole number from 1"),
        (("s.pov", "--retries", "-1"), "argument --retries: got '-1', expected a whole number"),
        (("s.pov", "--timeout", "0"), "argument --timeout: got '0', expected seconds, more than 0"),
        (("s.pov", "--timeout", "1h"), "argument --timeout: got '1h', expected seconds"),
        (("s.pov", "--timeout", "nan"), "argument --timeout: got 'nan', expected seconds"),
        (("s.pov", "--split", "stripes"), "argument --split: invalid choice: 'stripes'"),
        (("s.pov", "--policy", "x"), "argument --policy: invalid choice: 'x' (choose from"),
        (
            ("s.pov", "--tune", "--threads", "2"),
            "--tune beside --threads or --reproducible",
        ),
        (("s.pov", "--tune", "--reproducible"), "--tune beside --threads or --reproducible"),
        (
            ("s.pov", "--policy", "gss", "--rows-per-task", "9"),
            "--rows-per-task beside --policy gss",
        ),
        (("s.pov", "--renderer", "x"), "argument --renderer: invalid choice: 'x'"),
        (("s.pov", "--progress", "x"), "argument --progress: invalid choice: 'x'"),
        (("s.pov", "-o"), "argument -o/--output: expected one argument"),
        (("s.pov", "--siz", "3x4"), "unrecognized arguments: --siz 3x4"),
        (("s.pov", "-J"), "unrecognized arguments: -J"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_told(argv: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_arguments(argv)
    assert told in caught.value.message
    assert caught.value.hint


def test_a_number_too_large_for_a_float_is_no_crash() -> None:
    assert flags("s.pov", "--retries", "9" * 400).limits.retries == int("9" * 400)


def test_a_switch_of_the_renderer_is_sent_behind_the_dashes() -> None:
    with pytest.raises(UsageError) as caught:
        parse_arguments(["s.pov", "-J"])
    assert caught.value.hint == "if -J is a switch of the renderer, put it after --"


@pytest.mark.parametrize("question", ["--help", "-h"])
def test_help_is_printed_and_nothing_is_rendered(
    question: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parse_arguments([question]) is None
    printed = capsys.readouterr().out
    assert "mpirun -np N mpirender SCENE" in printed
    assert "Exit status" in printed


def test_the_help_explains_every_option() -> None:
    from mpirender.cli.render import render_parser

    unexplained = [action.dest for action in render_parser()._actions if not action.help]
    assert unexplained == []
    assert issubclass(type(render_parser()), argparse.ArgumentParser)


def test_every_progress_mode_and_renderer_can_be_asked_for() -> None:
    assert [flags("s.pov", "--progress", mode).progress for mode in MODES] == list(MODES)
    assert [flags("s.pov", "--renderer", name).renderer for name in NAMES] == list(NAMES)


@pytest.mark.parametrize(
    ("scene", "name"),
    [
        ("a.pov", "povray"),
        ("a.POV", "povray"),
        ("a.ini[HD]", "povray"),
        ("a", "povray"),
        ("dir.fake/a.pov", "povray"),
        ("a.fake", "fake"),
    ],
)
def test_a_scene_finds_its_renderer_by_its_ending(scene: str, name: str) -> None:
    assert name_for([scene]) == name


def test_every_renderer_of_the_table_knows_its_name() -> None:
    assert [renderer_named(name).name for name in NAMES] == list(NAMES)


def test_a_renderer_that_is_not_in_the_table_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no renderer 'arnold'") as caught:
        renderer_named("arnold")
    assert caught.value.hint == "there are: blender, fake, povray"
