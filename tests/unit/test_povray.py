from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import job, recorded, records, tile

from mpirender.errors import (
    MpirenderError,
    OutputMismatch,
    RendererFailed,
    RendererNotFound,
    SceneError,
    UsageError,
)
from mpirender.frames import parse_frames
from mpirender.images import Picture, write_picture
from mpirender.model import Job, PictureFormat, PictureType, Task, Tile
from mpirender.process import Exit
from mpirender.renderers.base import Request
from mpirender.renderers.povray import (
    Povray,
    PovrayWatch,
    area_arguments,
    parse_options,
    parse_settings,
    path_argument,
)
from mpirender.renderers.povray.question import foretold_command
from mpirender.renderers.povray.switches import thread_arguments

OWN = ("-D", "+V", "-P", "-C", "All_Console=On")
PNG = PictureType("png")
ENDED = Exit(0, 1.0, 1)
FAILED = Exit(1, 1.0, 1)


def picture_job(picture: PictureType = PNG, arguments: tuple[str, ...] = ("+Is.pov",)) -> Job:
    return job(renderer="povray", width=100, height=96, picture=picture, arguments=arguments)


# ----------------------------------------------------------------------------------- commands


@pytest.mark.parametrize(
    ("part", "area"),
    [
        (Tile(0, 96, 0, 100), ()),
        (Tile(32, 64, 0, 100), ("+SR33", "+ER64")),
        (Tile(64, 96, 0, 100), ("+SR65", "+ER96")),
        (Tile(0, 1, 0, 100), ("+SR1", "+ER0.015625000")),
        (Tile(1, 2, 0, 100), ("+SR2", "+ER2")),
        (Tile(0, 96, 0, 1), ("+SC1", "+EC0.015000000")),
        (Tile(32, 64, 32, 64), ("+SR33", "+ER64", "+SC33", "+EC64")),
    ],
    ids=str,
)
def test_a_task_is_one_command(part: Tile, area: tuple[str, ...]) -> None:
    command = Povray().command(
        picture_job(), Task(7, part), attempt=2, threads=3, scratch=Path("/tmp/x")
    )
    output = "/tmp/x/task-000007.2.png"
    assert command.argv == ("povray", "+Is.pov", *area, f"+O{output}", *OWN, "+WT3")
    assert command.output == Path(output)


def argv(
    picture: PictureType = PNG, arguments: tuple[str, ...] = (), scratch: str = "/tmp"
) -> tuple[str, ...]:
    task = Task(0, Tile(0, 32, 0, 100))
    return (
        Povray()
        .command(picture_job(picture, arguments), task, attempt=1, threads=3, scratch=Path(scratch))
        .argv
    )


def test_tiles_of_a_jpeg_are_rendered_without_loss_and_dither() -> None:
    command = argv(PictureType("jpeg", quality=80), ("+FJ80", "+TH"))
    assert command[-3:] == ("+FP8", "-TH", "+WT3")
    assert "+O/tmp/task-000000.1.ppm" in command


@pytest.mark.parametrize("threads", ["+WT1", "+WT8"])
def test_threads_of_the_user_win(threads: str) -> None:
    assert [a for a in argv(arguments=(threads,)) if "WT" in a] == [threads]


def test_the_users_words_come_before_our_own() -> None:
    command = argv(arguments=("+D", "+C", "+Ouser.png"))
    assert command.index("+Ouser.png") < command.index("+O/tmp/task-000000.1.png")
    assert command.index("+D") < command.index("-D")
    assert command.index("+C") < command.index("-C")


def test_variables_of_rank_0_go_to_every_renderer() -> None:
    there = dataclasses.replace(picture_job(), environment=(("POVINI", "/a.ini"),))
    command = Povray().command(there, Task(0, tile()), attempt=1, threads=1, scratch=Path("/tmp"))
    assert command.environment == (("POVINI", "/a.ini"),)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("plain-1.0/a+b,c@d%e^f.pov", "+Iplain-1.0/a+b,c@d%e^f.pov"),
        ("a b.pov", '+I"a b.pov"'),
        ("it's.pov", '+I"it\'s.pov"'),
        ('a "b".pov', "+I'a \"b\".pov'"),
        ("a=b.pov", '+I"a=b.pov"'),
    ],
)
def test_a_file_name_is_quoted_where_povray_needs_it(name: str, argument: str) -> None:
    assert path_argument("+I", Path(name)) == argument


def test_a_name_with_letters_that_povray_cannot_read_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no letters beyond ASCII"):
        path_argument("+I", Path("ü.pov"))


def test_a_name_with_both_quotation_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="POV-Ray takes no name with both"):
        path_argument("+I", Path('it\'s "it".pov'))


# ------------------------------------------------------------------------------- rows, columns


def povray_range(start: str, end: str, extent: int) -> range:
    """Rows that POV-Ray 3.7 renders, from 0; its own conversion, in single precision."""
    low, high, size = np.float32(start), np.float32(end), np.float32(extent)
    first = int(size * low) if 0 <= low < 1 else int(low) - 1
    last = int(size * high) - 1 if 0 <= high <= 1 else int(high) - 1
    return range(first, last + 1)


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, int, int]:
    """An extent, and a part of it from a start to a stop."""
    extent = draw(st.integers(1, 100_000) | st.integers(1, 40))
    start = draw(st.integers(0, extent - 1) | st.just(0))
    return extent, start, draw(st.integers(start + 1, extent) | st.just(start + 1))


@given(parts())
@settings(deadline=None)
def test_povray_renders_exactly_the_rows_asked_for(part: tuple[int, int, int]) -> None:
    height, start, stop = part
    arguments = area_arguments(Tile(start, stop, 0, 5), 5, height)
    if (start, stop) == (0, height):
        assert arguments == []
        return
    first, last = arguments
    assert (first[:3], last[:3]) == ("+SR", "+ER")
    assert povray_range(first[3:], last[3:], height) == range(start, stop)


@given(parts())
@settings(deadline=None)
def test_povray_renders_exactly_the_columns_asked_for(part: tuple[int, int, int]) -> None:
    width, left, right = part
    arguments = area_arguments(Tile(0, 5, left, right), width, 5)
    if (left, right) == (0, width):
        assert arguments == []
        return
    first, last = arguments
    assert (first[:3], last[:3]) == ("+SC", "+EC")
    assert povray_range(first[3:], last[3:], width) == range(left, right)


@pytest.mark.parametrize("height", [2, 3, 7, 241, 4096, 99_999])
def test_the_first_row_alone_is_not_the_whole_picture(height: int) -> None:
    first, last = area_arguments(Tile(0, 1, 0, 9), 9, height)
    assert povray_range(first[3:], last[3:], height) == range(0, 1)


def test_a_picture_of_one_row_needs_no_switches() -> None:
    assert area_arguments(Tile(0, 1, 0, 9), 9, 1) == []


# ------------------------------------------------------------------------------- the question


def test_options_tell_version_size_and_name() -> None:
    options = parse_options(recorded("options-png"))
    assert options.version == "3.7.0.10.unofficial"
    assert (options.width, options.height) == (64, 48)
    assert options.area == Tile(0, 48, 0, 64)
    assert options.printed_name == "ok.png"
    assert not options.animated


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("png", PictureType("png", 8)),
        ("png-4-bit", PictureType("png", 8)),
        ("png12", PictureType("png", 16)),
        ("png16-alpha", PictureType("png", 16, alpha=True)),
        ("gray", PictureType("png", 0)),
        ("gray-alpha", PictureType("png", 0, alpha=True)),
        ("jpeg", PictureType("jpeg", 8, quality=73)),
        ("ppm16", PictureType("ppm", 16)),
        ("bmp-alpha", PictureType("bmp", 8, alpha=True)),
        ("targa", PictureType("tga", 8)),
        ("hdr", PictureType("hdr", 8)),
        ("long-name", PictureType("exr", 8)),
    ],
)
def test_options_tell_the_type_of_the_file(name: str, picture: PictureType) -> None:
    assert parse_options(recorded(f"options-{name}")).picture == picture


def test_rows_and_columns_of_the_user_count_from_0() -> None:
    assert parse_options(recorded("options-area")).area == Tile(9, 20, 2, 9)


def test_a_size_that_is_broken_into_two_lines_is_understood() -> None:
    options = parse_options(recorded("options-broken-size"))
    assert (options.width, options.height) == (123456, 123456)
    assert options.area == Tile(12344, 23456, 12344, 123456)


def test_a_name_that_is_broken_into_two_lines_is_understood() -> None:
    name = "a_rather_long_name_of_a_picture_so_that_povray_must_break_its_line_somewhere_here.exr"
    assert parse_options(recorded("options-long-name")).printed_name == name


def test_a_name_with_blanks_is_understood() -> None:
    assert parse_options(recorded("options-blank-name")).printed_name == "a b/it is a.png"


def test_an_animation_is_noticed() -> None:
    assert parse_options(recorded("options-animation")).animated


@pytest.mark.parametrize("name", ["disabled", "stdout"])
def test_a_picture_that_goes_nowhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected a file"):
        parse_options(recorded(f"options-{name}"))


def test_an_area_without_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to render: 64 x 48 pixels, rows 10 to 5"):
        parse_options(recorded("options-rows-reversed"))


def test_a_type_of_file_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="a file type that is not known here"):
        parse_options(recorded("options-png").replace("24 bpp PNG", "24 bpp XYZ"))


@pytest.mark.parametrize("text", ["", "Blender 3.4.1\n", "Ray Tracer Version 3.6\n"])
def test_what_does_not_talk_like_povray_is_refused(text: str) -> None:
    with pytest.raises(RendererFailed, match=r"does not talk like POV-Ray 3\.7"):
        parse_options(text)


def test_settings_keep_every_value_of_a_key() -> None:
    text = 'Width=64\nLibrary_Path="/usr/share"\nLibrary_Path="/a = b"\n\n; comment\n'
    assert parse_settings(text) == {"Width": ["64"], "Library_Path": ["/usr/share", "/a = b"]}


@pytest.mark.parametrize(("scene", "told"), [("none.pov", "no such scene"), (".", "is a folder")])
def test_a_scene_that_is_not_there_is_told_at_once(scene: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Povray().ask(Request("", scene))


def test_a_missing_povray_is_told_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    scene = tmp_path / "s.pov"
    scene.touch()
    with pytest.raises(RendererNotFound, match="POV-Ray: no program 'povray'") as caught:
        Povray().ask(Request("", str(scene)))
    assert "apt-get install povray" in caught.value.hint


def test_error_diffusion_is_noticed_since_it_runs_over_the_edges_of_tiles() -> None:
    plain = recorded("options-png")
    diffused = plain.replace(
        "Dithering............Off", "Dithering............Sierra error diffusion"
    )
    assert diffused != plain
    assert not parse_options(plain).diffuses_errors
    assert parse_options(diffused).diffuses_errors


# ---------------------------------------------------------------------------------- the watch


def watch(name: str, *, expected_pixels: int = 64 * 48) -> PovrayWatch:
    watch = PovrayWatch(expected_pixels)
    for record in records(recorded(name)):
        watch.see(record)
    return watch


def test_a_whole_picture_is_accepted() -> None:
    seen = watch("whole-picture")
    seen.judge(ENDED)
    assert seen.fraction == 1
    assert seen.version == "3.7.0.10.unofficial"
    assert (seen.setup_seconds, seen.render_seconds) == (0.0, 0.001)


def test_progress_is_a_fraction_of_the_pixels() -> None:
    seen = PovrayWatch(3072)
    seen.see("Rendered 1024 of 3072 pixels (33%)")
    assert seen.fraction == 1024 / 3072


@pytest.mark.parametrize(
    ("name", "end", "kind", "told"),
    [
        (
            "parse-error",
            FAILED,
            SceneError,
            "POV-Ray: File 'parse-error.pov' line 4: Parse Error: No matching } in 'sphere', box"
            " found instead",
        ),
        (
            "missing-include",
            FAILED,
            SceneError,
            "POV-Ray: File 'missing.pov' line 2: Parse Error: Cannot open include file a_file",
        ),
        (
            "missing-picture",
            FAILED,
            SceneError,
            "POV-Ray: File 'hf.pov' line 7: Possible Parse Error: Cannot find file 'none.png'",
        ),
        (
            "out-of-memory",
            FAILED,
            RendererFailed,
            "POV-Ray ended with exit status 1: File 'oom.pov' line 3: Parse Error: std::bad_alloc",
        ),
        ("unknown-option", FAILED, SceneError, "POV-Ray: Failed to parse command-line option"),
        (
            "no-such-folder",
            FAILED,
            RendererFailed,
            "POV-Ray ended with exit status 1: Cannot create render state output file.",
        ),
        (
            "cancelled",
            Exit(2, 1.0, 1),
            RendererFailed,
            "POV-Ray ended with exit status 2: Fatal error in renderer: Frontend halted render.",
        ),
        (
            "no-pixels",
            ENDED,
            RendererFailed,
            "POV-Ray ended with exit status 0, but said 0 of 0 pixels, expected 3072",
        ),
        (
            "whole-picture",
            Exit(-9, 1.0, 1),
            RendererFailed,
            "POV-Ray ended with signal SIGKILL",
        ),
    ],
)
def test_whatever_went_wrong_is_told_in_povrays_words(
    name: str, end: Exit, kind: type[MpirenderError], told: str
) -> None:
    with pytest.raises(MpirenderError) as caught:
        watch(name).judge(end)
    assert type(caught.value) is kind
    assert caught.value.message.startswith(told.replace("parse-error.pov", "parse.pov"))


def test_parts_of_a_picture_that_are_left_out_count_neither_as_done_nor_as_missing() -> None:
    seen = PovrayWatch(2048, area_pixels=3072)
    seen.see("Rendered 1024 of 3072 pixels (33%)")
    assert seen.fraction == 0.5
    seen.see("Rendered 2048 of 3072 pixels (66%)")
    assert seen.fraction == 1.0
    seen.see("  Trace Time:       0 hours  0 minutes  0 seconds (0.001 seconds)")
    assert seen.frames_done == 1
    seen.judge(ENDED)


def test_the_part_of_another_area_does_not_count() -> None:
    seen = PovrayWatch(2048, area_pixels=3072)
    seen.see("Rendered 2048 of 4096 pixels (50%)")
    with pytest.raises(RendererFailed, match="said 2048 of 4096 pixels, expected 2048"):
        seen.judge(ENDED)


def test_a_radiosity_scene_is_half_done_after_its_first_pass() -> None:
    seen = PovrayWatch(19200, first_block=1024)
    fractions = []
    for done in (48, 9600, 19180, 1024, 9600, 19200):
        seen.see(f"Rendered {done} of 19200 pixels (0%)")
        fractions.append(seen.fraction)
    assert fractions == sorted(fractions)
    assert fractions[1] == 0.25
    assert fractions[4:] == [0.75, 1.0]


def test_a_first_pass_over_every_pixel_is_known_when_the_second_one_begins() -> None:
    seen = PovrayWatch(4096, first_block=1024)
    for done in (1024, 2048, 4096):
        seen.see(f"Rendered {done} of 4096 pixels (0%)")
    assert not seen.has_pretraced
    seen.see("Rendered 1024 of 4096 pixels (25%)")
    assert seen.has_pretraced
    assert seen.fraction == 0.625


TRACE_TIME = "  Trace Time:       0 hours  0 minutes  0 seconds (0.001 seconds)"
TRACED = "Pixels:             2048   Samples:               0   Smpls/Pxl: 0.00"


@pytest.mark.parametrize(
    "counts",
    [(1024, 2000, 2048, 1712), (2048, 528), (2000, 2016, 2032, 2032)],
    ids=["late", "very late", "lost"],
)
def test_threads_that_overtake_each_other_leave_the_picture_whole(counts: tuple[int, ...]) -> None:
    seen = PovrayWatch(2048, first_block=16, frames=2)  # such were seen with eight threads
    for _ in range(2):
        seen.see("==== [Parsing...]")
        for done in counts:
            seen.see(f"Rendered {done} of 2048 pixels (0%)")
        seen.see(TRACED)
        seen.see(TRACE_TIME)
    assert (seen.frames_done, seen.fraction) == (2, 1)
    seen.judge(ENDED)


def test_progress_does_not_go_back_where_threads_overtake_each_other() -> None:
    seen = PovrayWatch(2048, first_block=16)
    fractions = []
    for done in (32, 16, 48, 1952, 1984, 1920, 2000):
        seen.see(f"Rendered {done} of 2048 pixels (0%)")
        fractions.append(seen.fraction)
    assert fractions == [done / 2048 for done in (32, 32, 48, 1952, 1984, 1984, 2000)]
    assert not seen.has_pretraced


def test_a_first_pass_is_not_over_where_threads_overtake_each_other_in_it() -> None:
    seen = PovrayWatch(76800, first_block=1024)
    for done in (48, 9450, 8475, 12960, 12765, 76720):
        seen.see(f"Rendered {done} of 76800 pixels (0%)")
        assert seen.is_pretracing
    seen.see("Rendered 2048 of 76800 pixels (2%)")
    assert seen.has_pretraced


def test_a_count_that_comes_after_its_frame_is_not_of_the_next_one() -> None:
    seen = PovrayWatch(2048, first_block=16, frames=2)
    for line in (TRACED, "Rendered 2032 of 2048 pixels (0%)", TRACE_TIME):
        seen.see(line)
    seen.see("Rendered 2048 of 2048 pixels (100%)")
    seen.see("==== [Parsing...]")
    seen.see("Rendered 1024 of 2048 pixels (50%)")
    assert (seen.frames_done, seen.fraction) == (1, 0.75)
    with pytest.raises(RendererFailed, match="said 1024 of 2048"):
        seen.judge(ENDED)


@pytest.mark.parametrize("traced", ["Pixels:   2047   Samples:    0   Smpls/Pxl: 0.00", ""])
def test_statistics_of_fewer_pixels_do_not_count(traced: str) -> None:
    seen = PovrayWatch(2048)
    for line in ("Rendered 2032 of 2048 pixels (99%)", traced, TRACE_TIME):
        seen.see(line)
    assert seen.frames_done == 0
    with pytest.raises(RendererFailed, match="said 2032 of 2048 pixels"):
        seen.judge(ENDED)


def test_a_picture_of_fewer_pixels_than_asked_for_does_not_count() -> None:
    with pytest.raises(RendererFailed, match="said 3072 of 3072 pixels, expected 3136"):
        watch("whole-picture", expected_pixels=64 * 49).judge(ENDED)


def test_a_fault_in_a_header_of_ours_is_not_the_scenes() -> None:
    seen = PovrayWatch(4)
    seen.see("File '/tmp/mpirender-spare-x/wait.inc' line 1: Parse Error: No pipe here")
    with pytest.raises(RendererFailed, match="No pipe here"):
        seen.judge(FAILED)


def test_a_picture_that_was_not_finished_does_not_count() -> None:
    seen = PovrayWatch(3072)
    seen.see("Rendered 2048 of 3072 pixels (66%)")
    with pytest.raises(RendererFailed, match="said 2048 of 3072 pixels"):
        seen.judge(ENDED)


def test_a_picture_that_was_rendered_in_spite_of_a_complaint_counts() -> None:
    seen = PovrayWatch(4)
    seen.see("File 's.pov' line 7: Possible Parse Error: Cannot find file 'none.png'")
    seen.see("Rendered 4 of 4 pixels (100%)")
    seen.judge(ENDED)


def test_a_povray_that_says_nothing_is_told() -> None:
    with pytest.raises(RendererFailed, match="signal SIGSEGV: POV-Ray said nothing"):
        PovrayWatch(4).judge(Exit(-11, 0, 0))


def test_the_report_has_what_was_said_after_the_options() -> None:
    with pytest.raises(SceneError) as caught:
        watch("parse-error").judge(FAILED)
    lines = caught.value.detail.splitlines()
    assert lines[0].startswith("File 'parse.pov' line 4")
    assert lines[-1] == "Render failed"


# --------------------------------------------------------------------------------- the picture


def leave(path: Path, form: PictureFormat, height: int = 96) -> None:
    shape = (height, 100, len(form.channels))
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(form.dtype)
    write_picture(path, Picture(pixels, form))


RGB8 = PictureFormat("png", "uint8", "RGB")


def test_only_the_tasks_own_pixels_are_read(tmp_path: Path) -> None:
    leave(tmp_path / "a.png", RGB8)
    part = Tile(32, 34, 10, 13)
    got = Povray().read(picture_job(), Task(0, part), tmp_path / "a.png")
    whole = np.arange(96 * 100 * 3).reshape(96, 100, 3).astype("uint8")
    assert np.array_equal(got.pixels, whole[32:34, 10:13])


@pytest.mark.parametrize(
    ("announced", "form"),
    [
        (PictureType("png", 16), RGB8),
        (PictureType("png", 8), PictureFormat("png", "uint16", "RGB")),
        (PictureType("png", 8, alpha=True), RGB8),
        (PictureType("png", 8), PictureFormat("png", "uint8", "RGBA")),
    ],
)
def test_a_picture_that_is_not_as_announced_is_refused(
    announced: PictureType, form: PictureFormat, tmp_path: Path
) -> None:
    leave(tmp_path / "a.png", form)
    with pytest.raises(OutputMismatch, match="as POV-Ray had announced"):
        Povray().read(picture_job(announced), Task(0, tile()), tmp_path / "a.png")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_gray_picture_may_have_either_depth(dtype: str, tmp_path: Path) -> None:
    leave(tmp_path / "a.png", PictureFormat("png", dtype, "L"))
    gray = picture_job(PictureType("png", 0))
    assert Povray().read(gray, Task(0, tile()), tmp_path / "a.png").pixels.dtype == dtype


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    leave(tmp_path / "a.png", RGB8, height=95)
    with pytest.raises(OutputMismatch, match="is 100x95, expected 100x96"):
        Povray().read(picture_job(), Task(0, tile()), tmp_path / "a.png")


def test_the_users_jpeg_has_the_quality_asked_for() -> None:
    tiles = PictureFormat("ppm", "uint8", "RGB")
    assert Povray().final_format(picture_job(PictureType("jpeg", quality=73)), tiles).kind == "jpeg"
    assert Povray().final_format(picture_job(), RGB8) is RGB8


# ----------------------------------------------------------------------- before it is known


@pytest.mark.parametrize(
    ("scene", "arguments", "command"),
    [
        ("s.pov", ("+W8",), ("povray", "+Is.pov", "+W8")),
        ("a/s.pov", (), ("povray", "+Ia/s.pov", "+La")),
    ],
)
def test_how_povray_will_be_started_is_foretold(
    scene: str, arguments: tuple[str, ...], command: tuple[str, ...]
) -> None:
    assert foretold_command(Request("", scene, arguments)) == command


def test_the_program_and_the_size_are_foretold_as_typed() -> None:
    request = Request("/opt/povray", "s.pov", output=Path("o.png"), size=(8, 6))
    assert foretold_command(request) == ("/opt/povray", "+Is.pov", "+W8", "+H6", "+Oo.png")


@pytest.mark.parametrize(
    "request_",
    [
        Request("", "s.ini"),
        Request("", "s.ini[HD]"),
        Request("", "s.pov", frames=parse_frames("1-3")),
        Request("", "s.pov", scenes=("s.pov", "t.pov")),
        Request("", "s.pov", is_shot=True),
    ],
    ids=str,
)
def test_nothing_is_foretold_of_frames_and_of_scenes_that_an_ini_file_names(
    request_: Request,
) -> None:
    assert foretold_command(request_) == ()


@pytest.mark.parametrize(
    ("typed", "own"), [((), ("+WT3",)), (("+WT2",), ()), (("Work_Threads=0",), ())]
)
def test_threads_are_those_that_were_typed(typed: tuple[str, ...], own: tuple[str, ...]) -> None:
    assert thread_arguments(typed, 3) == own
