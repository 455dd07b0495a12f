from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import PACKAGE

from mpirender.errors import UsageError
from mpirender.film import Film, MovieSpec, read_film
from mpirender.film.schema import KEYWORDS, Schema, check, film_schema
from mpirender.frames import parse_frames
from mpirender.tracks import Timing, parse_track

SCHEMA = film_schema()
TABLES = cast(Mapping[str, Mapping[str, object]], SCHEMA["properties"])

FULL: dict[str, object] = {
    "film": {
        "fps": "30000/1001",
        "bpm": 90.5,
        "beats_per_bar": 3,
        "size": "320x180",
        "options": ["+A0.3"],
        "output": "out/{shot}_###.png",
        "motion_blur": 4,
        "shutter": 0.25,
    },
    "shot": [
        {
            "name": "walk",
            "scene": "walk.pov",
            "frames": "1-240",
            "clock": "0:1",
            "size": "64x48",
            "options": ["+AM2"],
            "output": "walk#.png",
            "priority": -3,
            "motion_blur": 2,
            "shutter": 1,
            "tracks": {"Ball": "1:0, 240:1:ease", "Turn": "1:<0,1>"},
        },
        {"name": "run", "scene": "run.ini[HD]"},
    ],
    "movie": [
        {
            "file": "film.mp4",
            "shots": ["run", "walk"],
            "fps": 25,
            "codec": "h264",
            "quality": 80,
            "bitrate": "8M",
            "bits": 10,
        },
        {"file": "all.gif"},
    ],
}


def film(tmp_path: Path, text: str) -> Film:
    path = tmp_path / "film.toml"
    path.write_text(text)
    return read_film(path)


def told(tmp_path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        film(tmp_path, text)
    return caught.value


def parts(schema: object) -> Iterator[Schema]:
    """All the schemas in a schema."""
    if isinstance(schema, dict) and "type" in schema and not isinstance(schema["type"], dict):
        yield schema
    if isinstance(schema, dict | list):
        for item in schema.values() if isinstance(schema, dict) else schema:
            yield from parts(item)


ONE_SHOT = '[[shot]]\nname = "walk"\nscene = "walk.pov"\n'


def test_a_shot_without_frames_needs_no_number(tmp_path: Path) -> None:
    (shot,) = film(tmp_path, ONE_SHOT + 'output = "title.png"').shots
    assert shot.output.endswith("title.png")


def test_a_name_and_a_scene_are_enough(tmp_path: Path) -> None:
    read = film(tmp_path, ONE_SHOT)
    (shot,) = read.shots
    assert (read.fps, read.movies, shot.name) == ("25", (), "walk")
    assert shot.scene == tmp_path / "walk.pov"
    assert (shot.frames, shot.clock, shot.size, shot.options) == (None, None, None, ())
    assert shot.output == str(tmp_path / "frames" / "walk_####.png")
    assert (shot.priority, shot.motion_blur, shot.shutter, shot.tracks) == (0, 1, 0.5, ())
    assert shot.timing == Timing(Fraction(25), start=1, bpm=Fraction(120), beats_per_bar=4)


def test_what_the_film_says_holds_for_shots_that_say_nothing_else(tmp_path: Path) -> None:
    text = f"""
        [film]
        fps = 24
        bpm = 90.5
        beats_per_bar = 3
        size = "320x180"
        options = ["+A0.3"]
        output = "out/{{shot}}_##.png"
        motion_blur = 4
        shutter = 0.25
        {ONE_SHOT}
        [[shot]]
        name = "run"
        scene = "run.pov"
        frames = "10-20"
        clock = "-1:2.5"
        size = "64X48"
        options = ["+AM2"]
        output = "run#.png"
        priority = 5
        motion_blur = 1
        shutter = 1
        tracks = {{ Ball = "10:0, 1s:1:ease" }}
    """
    read = film(tmp_path, text)
    walk, run = read.shots
    assert (walk.size, walk.options, walk.motion_blur, walk.shutter) == (
        (320, 180),
        ("+A0.3",),
        4,
        0.25,
    )
    assert walk.output == str(tmp_path / "out" / "walk_##.png")
    assert walk.timing == Timing(Fraction(24), start=1, bpm=Fraction("90.5"), beats_per_bar=3)
    assert (run.size, run.options, run.motion_blur, run.shutter) == (
        (64, 48),
        ("+A0.3", "+AM2"),
        1,
        1.0,
    )
    assert (run.output, run.clock, run.priority) == (str(tmp_path / "run#.png"), (-1, 2.5), 5)
    assert run.frames == parse_frames("10-20")
    assert run.tracks == (parse_track("Ball=10:0,1s:1:ease"),)
    assert run.tracks[0].curve(run.timing).frames == (10, 34)


def test_a_movie_has_all_shots_and_the_rate_of_the_film(tmp_path: Path) -> None:
    read = film(
        tmp_path,
        f"""
        film.fps = "30000/1001"
        {ONE_SHOT}
        [[shot]]
        name = "run"
        scene = "run.pov"
        [[movie]]
        file = "all.mp4"
        [[movie]]
        file = "walk.webm"
        shots = ["walk"]
        fps = 23.976
        codec = "av1"
        quality = 60
        bits = 10
        [[movie]]
        file = "small.mkv"
        codec = "h265"
        bitrate = "800k"
        """,
    )
    assert read.movies == (
        MovieSpec(tmp_path / "all.mp4", ("walk", "run"), "30000/1001"),
        MovieSpec(tmp_path / "walk.webm", ("walk",), "23.976", "av1", quality=60, bits=10),
        MovieSpec(tmp_path / "small.mkv", ("walk", "run"), "30000/1001", "h265", "800k"),
    )


def test_one_frame_needs_no_number_in_its_name(tmp_path: Path) -> None:
    assert (
        film(tmp_path, ONE_SHOT + 'frames = 7\noutput = "a.png"').shots[0].output.endswith("/a.png")
    )


def test_a_film_with_everything_passes(tmp_path: Path) -> None:
    check(FULL, SCHEMA)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            ONE_SHOT + 'frmaes = "1-5"',
            """film.toml: [shot 1 "walk"]: unknown key 'frmaes', did you mean 'frames'?""",
            "there are: clock, frames, motion_blur",
        ),
        (
            f'{ONE_SHOT}[[shot]]\nscene = "a.pov"',
            "film.toml: [shot 2]: missing key 'name'",
            'name is text, such as "walk"',
        ),
        ("", "film.toml: missing key 'shot'", "shot is a list"),
        ("shot = []", "film.toml: shot: got [], expected a list", "The shots"),
        (
            '[shot]\nname = "a"',
            "film.toml: shot: got a table, expected a list",
            "write two brackets",
        ),
        ("shot = [1]", "film.toml: shot 1: got 1, expected a table", ""),
        (
            f"[[shots]]\n{ONE_SHOT}",
            "film.toml: unknown key 'shots', did you mean 'shot'?",
            "there are: film, movie, shot",
        ),
        (
            f"[film]\nqwertz = 1\n{ONE_SHOT}",
            "film.toml: [film]: unknown key 'qwertz'",
            "there are: beats_per_bar",
        ),
        (
            ONE_SHOT + "frames = 1.5",
            'film.toml: [shot 1 "walk"]: frames: got 1.5, expected text or a whole number, such as',
            "Frames of the shot",
        ),
        (
            ONE_SHOT + "priority = true",
            'film.toml: [shot 1 "walk"]: priority: got true, expected a whole number from -1000000',
            "",
        ),
        (
            ONE_SHOT + "motion_blur = 0",
            "motion_blur: got 0, expected a whole number from 1 to 1024, such as 8",
            "",
        ),
        (ONE_SHOT + 'size = "64"', 'size: got "64", expected text, such as "1920x1080"', ""),
        (ONE_SHOT + 'size = "0x48"', 'size: got "0x48", expected text', ""),
        (ONE_SHOT + 'options = "+A"', 'options: got "+A", expected a list, such as', ""),
        (ONE_SHOT + 'options = ["+A", 3]', "options 2: got 3, expected text, such as", ""),
        (ONE_SHOT + "clock = [0]", "clock: got [0], expected text or a list, such as", ""),
        (ONE_SHOT + 'clock = "0-1"', "clock: got '0-1', expected first:last, such as 0:1", ""),
        (ONE_SHOT + 'clock = "0:inf"', "clock: got '0:inf', expected numbers", ""),
        (ONE_SHOT + "shutter = nan", "shutter: got NaN, expected a number from 0", ""),
        (ONE_SHOT + "size = 1979-05-27", 'size: got "1979-05-27", expected text', ""),
        (
            ONE_SHOT + 'frames = "5-1"',
            'film.toml: [shot 1 "walk"]: frames 5-1: the range ends at 1',
            "1-5 has the same frames",
        ),
        (
            ONE_SHOT + "[shot.tracks]\nBall = 3",
            'film.toml: [shot 1 "walk" tracks]: Ball: got 3, expected text, such as',
            "",
        ),
        (
            ONE_SHOT + '[shot.tracks]\nBall = "0:0:eas"',
            """film.toml: [shot 1 "walk"]: track 'Ball': got 'eas', expected a key or one of""",
            "",
        ),
        (
            ONE_SHOT + '[shot.tracks]\nBall = "1s:0, 1:0"',
            "track 'Ball': key 1 is not after key 1s",
            "they are at frames 1 and 26",
        ),
        (
            ONE_SHOT + 'frames = "1-2"\noutput = "a.png"',
            "output: got 'a.png', expected # for the number",
            "",
        ),
        (f"film.fps = 0\n{ONE_SHOT}", "[film]: fps: got 0, expected text or a number above 0", ""),
        (f'film.fps = "0"\n{ONE_SHOT}', "got 0 frames a second", ""),
        (f'film.fps = "25/0"\n{ONE_SHOT}', '[film]: fps: got "25/0", expected text', ""),
        (ONE_SHOT * 2, "film.toml: two shots with the name 'walk'", "each needs its own"),
        (
            f'film.output = "a#.png"\n{ONE_SHOT}[[shot]]\nname = "b"\nscene = "b.pov"',
            "film.toml: two shots with the output",
            "",
        ),
        (
            f'{ONE_SHOT}[[movie]]\nfile = "a.mp4"\nshots = ["wlak"]',
            """film.toml: [movie 1 "a.mp4"]: no shot has the name 'wlak'""",
            "there are: walk",
        ),
        (
            ONE_SHOT + '[[movie]]\nfile = "a.mp4"\n' * 2,
            "film.toml: two movies with the file",
            "",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, message: str, hint: str) -> None:
    error = told(tmp_path, text)
    assert message in error.message
    assert hint in error.hint
    assert "\n" not in error.message
    assert error.message.startswith("film.toml: ")


def test_a_fault_of_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    error = told(tmp_path, "[film]\nfps = = 3\n")
    assert "film.toml: not TOML: invalid value (at line 2, column 7)" in error.message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"film\.toml: cannot be read: No such file"):
        read_film(tmp_path / "film.toml")
    (tmp_path / "film.toml").write_bytes(b"# \xff")
    with pytest.raises(UsageError, match=r"film\.toml: not UTF-8 at byte 2"):
        read_film(tmp_path / "film.toml")


def test_the_shipped_film_has_two_shots_and_three_tracks() -> None:
    read = read_film(PACKAGE / "scenes" / "film.toml")
    assert len(read.shots) == 2
    assert len([track for shot in read.shots for track in shot.tracks]) == 3
    assert all(shot.scene.exists() and shot.frames for shot in read.shots)
    for shot in read.shots:
        scene = shot.scene.read_text()
        assert all(f"#ifndef ({track.name})" in scene for track in shot.tracks)


def test_the_checker_understands_all_of_the_schema() -> None:
    used = {keyword for part in parts(SCHEMA) for keyword in part}
    assert used | {"$ref"} <= KEYWORDS
    patterns = [str(part["pattern"]) for part in parts(SCHEMA) if "pattern" in part]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)


def test_every_key_of_the_schema_is_described_with_an_example() -> None:
    keys = [
        part
        for schema in parts(SCHEMA)
        for name, part in cast(Mapping[str, Schema], schema.get("properties", {})).items()
        if name not in ("film", "shot", "movie") and "$ref" not in part
    ]
    keys += cast(Mapping[str, Schema], SCHEMA["$defs"]).values()
    assert [part for part in keys if "description" not in part] == []
    assert [p for p in keys if "examples" not in p and p["type"] != "object"] == []


def test_every_key_of_the_schema_is_in_the_film_with_everything() -> None:
    for table, schema in TABLES.items():
        rows = FULL[table] if isinstance(FULL[table], list) else [FULL[table]]
        inner = cast(Mapping[str, Mapping[str, object]], schema.get("items", schema))
        used = {key for row in cast(list[dict[str, object]], rows) for key in row}
        assert used == inner["properties"].keys()


def test_every_default_and_example_of_the_schema_is_allowed_by_it() -> None:
    for part in parts(SCHEMA):
        examples = cast(list[object], part.get("examples", []))
        for value in (*examples, *([part["default"]] if "default" in part else ())):
            check(value, {**part, "$defs": SCHEMA["$defs"]})


def is_allowed(document: object) -> bool:
    try:
        check(document, SCHEMA)
    except UsageError:
        return False
    return True


broken: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 1, 1.0, 1.5, 10**9, "", "x", "1", "1x2", "8M", [], [1], ["a"], [1, 2], {}]
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, object]:
    """The film with everything, in which something was replaced, removed or added."""
    document = copy.deepcopy(FULL)
    table: object = document
    while True:
        keys = (
            list(table) if isinstance(table, dict) else list(range(len(cast(list[object], table))))
        )
        key = draw(st.sampled_from(keys))
        inner = table[key]  # type: ignore[index]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            table = inner
            continue
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            table[key] = draw(broken)  # type: ignore[index]
        elif change == "remove":
            del table[key]  # type: ignore[attr-defined]
        elif isinstance(table, dict):
            table[draw(st.sampled_from(["frmaes", "shot", "name", "file"]))] = draw(broken)
        return document


@given(damaged())
def test_the_checker_says_yes_and_no_as_json_schema_does(document: dict[str, object]) -> None:
    assert is_allowed(document) == jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(FULL)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
