"""Which frames POV-Ray's settings and the program's own options mean; numbers as POV-Ray wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpirender.errors import UsageError
from mpirender.frames import parse_frames, subframe_times
from mpirender.renderers.base import Request
from mpirender.renderers.povray.animation import Animation, animation_of
from mpirender.tracks import Curve, Timing, parse_track

OUTPUT = Path("/out/walk.png")


def settings(**values: object) -> dict[str, list[str]]:
    return {key: [str(value)] for key, value in values.items()}


def animation(request: Request, output: Path = OUTPUT, **values: object) -> Animation:
    """What a request means where POV-Ray's settings are those of an animation, if any."""
    return animation_of(request, settings(**values), output, animated=bool(values))


def request(
    frames: str = "",
    *,
    scene: str = "walk.pov",
    arguments: Sequence[str] = (),
    output: str = "",
    clock: tuple[float, float] | None = None,
    curves: tuple[tuple[str, Curve], ...] = (),
    scenes: tuple[str, ...] = (),
    motion_blur: int = 1,
    shutter: float = 0.5,
) -> Request:
    return Request(
        program="",
        scene=scene,
        arguments=tuple(arguments),
        output=Path(output) if output else None,
        frames=parse_frames(frames) if frames else None,
        clock=clock,
        curves=curves,
        scenes=scenes,
        motion_blur=motion_blur,
        shutter=shutter,
    )


def curve(text: str) -> tuple[str, Curve]:
    track = parse_track(text)
    return track.name, track.curve(Timing(Fraction(25), start=1))


def numbers(found: Animation) -> list[int]:
    return [frame.number for frame in found.frames]


def names(found: Animation) -> list[str]:
    return [str(frame.output) for frame in found.frames]


# ------------------------------------------------------------------------- POV-Ray's settings

# what POV-Ray 3.7.0.10 renders, and what it writes the first of them as
SETTINGS: list[tuple[dict[str, object], list[int], str]] = [
    ({"Final_Frame": 6}, [1, 2, 3, 4, 5, 6], "1"),
    ({"Initial_Frame": 8, "Final_Frame": 11}, [8, 9, 10, 11], "08"),
    ({"Initial_Frame": 0, "Final_Frame": 2}, [0, 1, 2], "0"),
    ({"Initial_Frame": -2, "Final_Frame": 3}, [0, 1, 2, 3], "0"),
    ({"Initial_Frame": 3, "Final_Frame": 3}, [3], "3"),
    ({"Initial_Frame": 5, "Final_Frame": 3}, [5], "5"),
    ({"Final_Frame": 9, "Cyclic_Animation": "On"}, [*range(1, 10)], "01"),
    ({"Final_Frame": 9, "Cyclic_Animation": "Off"}, [*range(1, 10)], "1"),
    ({"Final_Frame": 10, "Subset_Start_Frame": 3, "Subset_End_Frame": 5}, [3, 4, 5], "03"),
    ({"Final_Frame": 10, "Subset_Start_Frame": 8, "Subset_End_Frame": 12}, [*range(8, 13)], "08"),
    ({"Final_Frame": 4, "Subset_Start_Frame": 3, "Subset_End_Frame": 2}, [3], "3"),
    ({"Final_Frame": 9, "Frame_Step": 2}, [1, 3, 5, 7, 9], "1"),
    (
        {"Final_Frame": 12, "Subset_Start_Frame": 2, "Subset_End_Frame": 11, "Frame_Step": 4},
        [2, 6, 10],
        "02",
    ),
    ({"Initial_Frame": 5, "Final_Frame": 8, "Subset_Start_Frame": 3}, [5, 6, 7, 8], "5"),
    ({"Initial_Frame": 5, "Final_Frame": 8, "Subset_End_Frame": 2}, [5], "5"),
    (
        {"Initial_Frame": 5, "Final_Frame": 8, "Subset_Start_Frame": 2, "Frame_Step": 3},
        [5, 8],
        "5",
    ),
    ({"Final_Frame": 3, "Subset_Start_Frame": 0, "Frame_Step": 0}, [1, 2, 3], "1"),
]

FRACTIONS: list[tuple[dict[str, object], list[int]]] = [
    ({"Final_Frame": 8, "Subset_Start_Frame": 0.5}, [4, 5, 6, 7, 8]),
    ({"Final_Frame": 8, "Subset_Start_Frame": 0.3, "Subset_End_Frame": 0.8}, [2, 3, 4, 5, 6]),
    (
        {
            "Initial_Frame": 0,
            "Final_Frame": 10,
            "Subset_Start_Frame": 0.35,
            "Subset_End_Frame": 0.75,
        },
        [3, 4, 5, 6, 7, 8],
    ),
    ({"Initial_Frame": 5, "Final_Frame": 12, "Subset_Start_Frame": 0.3}, [*range(5, 13)]),
    (
        {
            "Initial_Frame": 5,
            "Final_Frame": 12,
            "Subset_Start_Frame": 0.3,
            "Subset_End_Frame": 0.8,
        },
        [5, 6],
    ),
    ({"Initial_Frame": 10, "Final_Frame": 20, "Subset_End_Frame": 0.5}, [10]),
    ({"Final_Frame": 20, "Subset_Start_Frame": 0.06, "Subset_End_Frame": 0.13}, [1, 2]),
    ({"Final_Frame": 20, "Subset_Start_Frame": 0.99}, [19, 20]),
    ({"Final_Frame": 9, "Cyclic_Animation": "On", "Subset_Start_Frame": 0.5}, [5, 6, 7, 8, 9]),
    (
        {
            "Final_Frame": 7,
            "Cyclic_Animation": "On",
            "Subset_Start_Frame": 0.3,
            "Subset_End_Frame": 0.7,
        },
        [2, 3, 4, 5],
    ),
    ({"Initial_Frame": -2, "Final_Frame": 8, "Subset_Start_Frame": 0.5}, [4, 5, 6, 7, 8]),
]


@pytest.mark.parametrize(("values", "rendered", "label"), SETTINGS, ids=str)
def test_settings_mean_the_frames_that_povray_renders(
    values: dict[str, object], rendered: list[int], label: str
) -> None:
    found = animation(request(), OUTPUT, **values)
    assert numbers(found) == rendered
    assert found.frames[0].label == label
    assert found.arguments == ()
    assert all(f.output == Path(f"/out/walk{f.label}.png") for f in found.frames)


@pytest.mark.parametrize(("values", "rendered"), FRACTIONS, ids=str)
def test_a_subset_may_be_a_fraction_of_the_animation(
    values: dict[str, object], rendered: list[int]
) -> None:
    assert numbers(animation(request(), OUTPUT, **values)) == rendered


@pytest.mark.parametrize("final", [9, 10, 99, 100])
def test_all_labels_have_the_digits_of_the_final_frame(final: int) -> None:
    found = animation(request(), Final_Frame=final)
    assert {len(frame.label) for frame in found.frames} == {len(str(final))}
    assert [int(frame.label) for frame in found.frames] == list(range(1, final + 1))


def test_an_animation_of_one_frame_has_a_remark() -> None:
    (remark,) = animation(request(), Initial_Frame=3, Final_Frame=3).remarks
    assert "no clock" in remark
    assert animation(request(), Initial_Frame=3, Final_Frame=4).remarks == ()


def test_a_still_has_no_frames() -> None:
    assert animation(request()) == Animation()


# ------------------------------------------------------------------------- the program's own


def test_frames_are_chosen_from_the_animation_and_its_range_stays() -> None:
    found = animation(request("7,2-6x2,last"), Initial_Frame=1, Final_Frame=12)
    assert numbers(found) == [7, 2, 4, 6, 12]
    assert found.arguments == ()
    assert names(found)[:2] == ["/out/walk07.png", "/out/walk02.png"]


def test_frames_beyond_the_animation_are_refused() -> None:
    with pytest.raises(UsageError, match="13"):
        animation(request("10-13"), Final_Frame=12)


@pytest.mark.parametrize(
    ("frames", "arguments", "first"),
    [
        ("2,4-6x2", ("+KFI2", "+KFF6"), "walk2.png"),
        ("8-12", ("+KFI8", "+KFF12"), "walk08.png"),
        ("5,3", ("+KFI3", "+KFF5"), "walk5.png"),
        ("3", ("+KFI3", "+KFF4"), "walk3.png"),
    ],
)
def test_frames_of_a_plain_scene_are_an_animation(
    frames: str, arguments: tuple[str, ...], first: str
) -> None:
    found = animation(request(frames))
    assert found.arguments == arguments
    assert found.frames[0].output.name == first
    assert found.remarks == ()


def test_negative_frames_of_a_plain_scene_are_refused() -> None:
    with pytest.raises(UsageError, match="POV-Ray counts from 0"):
        animation(request("-2-3"))


def test_the_clock_is_told_as_a_range() -> None:
    assert animation(request("1-4", clock=(0.5, 2))).arguments[2:] == ("+KI0.5", "+KF2")
    assert animation(request(clock=(-1, 1e-7)), Final_Frame=3).arguments == ("+KI-1", "+KF1e-07")


@pytest.mark.parametrize(
    "asked",
    [
        request(clock=(0, 1)),
        request(motion_blur=2),
        request(curves=(curve("A=1:0, 5:1"),)),
    ],
    ids=["clock", "motion blur", "track"],
)
def test_what_needs_frames_is_refused_for_a_still(asked: Request) -> None:
    with pytest.raises(UsageError, match="has one frame"):
        animation(asked)


def test_names_follow_the_pattern() -> None:
    found = animation(request(output="some/w_####.png"), Initial_Frame=9, Final_Frame=10)
    assert names(found) == [str(Path.cwd() / f"some/w_{n:04d}.png") for n in (9, 10)]
    assert [frame.label for frame in found.frames] == ["09", "10"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("w##", "w01.png"), ("w##.x", "w01.x.png"), ("w##.png", "w01.png"), ("v1.2_#", "v1.2_1.png")],
)
def test_a_pattern_gets_the_suffix_of_the_type(pattern: str, name: str) -> None:
    assert animation(request("1-2", output=pattern)).frames[0].output == Path.cwd() / name


@given(st.sets(st.integers(0, 300), min_size=1, max_size=20), st.sampled_from(["", "w#", "w####"]))
def test_no_two_frames_have_one_name(chosen: set[int], pattern: str) -> None:
    found = animation(request(",".join(map(str, chosen)), output=pattern))
    assert len(set(names(found))) == len(chosen)
    assert set(numbers(found)) == chosen


# -------------------------------------------------------------------------------------- scenes


def test_several_scenes_are_a_frame_each() -> None:
    found = animation(request(scenes=("data/a1.pov", "data/a 2.pov")))
    assert numbers(found) == [1, 2]
    assert names(found) == [str(Path.cwd() / name) for name in ("a1.png", "a 2.png")]
    assert [f.arguments for f in found.frames] == [("+Idata/a1.pov",), ('+I"data/a 2.pov"',)]
    assert {frame.label for frame in found.frames} == {""}


def test_several_scenes_into_a_pattern_or_a_folder(tmp_path: Path) -> None:
    two = ("data/a1.pov", "data/a2.pov")
    found = animation(request(scenes=two, output="w_##.png"))
    assert names(found) == [str(Path.cwd() / f"w_{n:02d}.png") for n in (1, 2)]
    found = animation(request(scenes=two, output=f"{tmp_path}/"), tmp_path / "a1.png")
    assert [path.endswith(f"a{n}.png") for n, path in enumerate(names(found), 1)] == [True, True]


# -------------------------------------------------------------------------------------- tracks


def test_tracks_are_a_header_with_the_values_of_every_frame() -> None:
    found = animation(request("1-3", curves=(curve("A=1:0, 3:1"), curve("B=1:<0,1>, 3:<2,3>"))))
    ((name, text),) = found.files
    cases = re.findall(r"#case \((\d+)\)\n(.*?)#break", text, re.DOTALL)
    assert [int(number) for number, _ in cases] == [1, 2, 3]
    assert "#declare A = 0.5;" in cases[1][1] and "#declare B = <1, 2>;" in cases[1][1]
    assert name and all(frame.file in ("", name) for frame in found.frames)
    assert all(frame.arguments == () for frame in found.frames)


TRACK = (curve("A=1:0, 3:1"),)


@pytest.mark.parametrize(
    "typed", ["+HIown.inc", "Include_Header=own.inc", "+hiown.inc", "include_header=own.inc"]
)
def test_the_users_own_header_comes_after_the_tracks(typed: str) -> None:
    ((_, text),) = animation(request("1-3", arguments=[typed], curves=TRACK)).files
    assert text.endswith(f'#end\n#include "{Path.cwd()}/own.inc"\n')


@pytest.mark.parametrize("line", ["Include_Header=x.inc", "  include_header = x.inc"])
def test_a_header_of_the_ini_file_and_tracks_exclude_each_other(line: str, tmp_path: Path) -> None:
    ini = tmp_path / "walk.ini"
    ini.write_text(f"Input_File_Name=walk.pov\n{line}\n")
    with pytest.raises(UsageError, match="one header"):
        animation(request("1-3", scene=str(ini), curves=TRACK))
    assert animation(request("1-3", scene=str(ini))).files == ()
    ini.write_text(f"; {line}\n")
    assert animation(request("1-3", scene=f"{ini}[one]", curves=TRACK)).files


# --------------------------------------------------------------------------------- motion blur


def clocks(found: Animation) -> list[float]:
    return [
        float(argument[3:])
        for frame in found.frames
        for argument in frame.arguments
        if argument.startswith("+KI")
    ]


def test_subframes_have_numbers_and_hidden_places_of_their_own() -> None:
    found = animation(request(motion_blur=3), Initial_Frame=5, Final_Frame=6)
    assert len(set(numbers(found))) == len(set(names(found))) == 6
    assert all(frame.output.name.startswith(".") for frame in found.frames)
    assert [blend.output for blend in found.blends] == [Path(f"/out/walk{n}.png") for n in (5, 6)]
    parts = [part for blend in found.blends for part in blend.parts]
    assert parts == [frame.output for frame in found.frames]
    assert all(len(blend.parts) == 3 for blend in found.blends)


def test_subframes_are_the_frame_itself_to_the_scene() -> None:
    found = animation(request(motion_blur=2), Initial_Frame=5, Final_Frame=6)
    for frame, number in zip(found.frames, (5, 5, 6, 6), strict=True):
        assert {f"+SF{number}", f"+EF{number}", f"+KFI{number}"} <= set(frame.arguments)
        assert frame.label == str(number)


def test_the_middle_one_of_three_subframes_has_the_clock_of_the_frame() -> None:
    found = animation(request(motion_blur=3, clock=(0, 4)), Initial_Frame=1, Final_Frame=5)
    assert clocks(found)[1::3] == [0, 1, 2, 3, 4]
    assert clocks(found)[:3] == pytest.approx([-1 / 6, 0, 1 / 6])


def test_a_cyclic_clock_stops_one_frame_before_its_end() -> None:
    found = animation(request(motion_blur=3), Final_Frame=4, Cyclic_Animation="On", Final_Clock=8)
    assert clocks(found)[1::3] == [0, 2, 4, 6]


@given(st.integers(2, 9), st.floats(0, 3))
def test_the_clocks_of_subframes_are_those_of_their_times(count: int, shutter: float) -> None:
    found = animation(request("11-14", motion_blur=count, shutter=shutter, clock=(2, 5)))
    times = [time for frame in range(11, 15) for time in subframe_times(frame, count, shutter)]
    assert clocks(found) == pytest.approx([2 + (time - 11) for time in times], abs=1e-9)


def test_every_subframe_finds_its_own_track_values() -> None:
    asked = request("1-2", motion_blur=2, shutter=1, curves=(curve("A=0:0, 4:4"),))
    found = animation(asked)
    files = dict(found.files)
    values = [re.findall(r"#declare A = (.+);", files[frame.file]) for frame in found.frames]
    assert values == [["0.75"], ["1.25"], ["1.75"], ["2.25"]]
    for frame in found.frames:
        assert f"#case ({frame.label})" in files[frame.file]


@pytest.mark.parametrize(("final", "digits"), [(9, "9"), (10, "09")])
def test_the_label_of_a_subframe_is_what_povray_writes_in_its_own_small_range(
    final: int, digits: str
) -> None:
    found = animation(request("9", motion_blur=2), Final_Frame=final)
    assert found.blends[0].output == Path(f"/out/walk{digits}.png")
    assert {frame.label for frame in found.frames} == {"09"}  # of 9 to 10
