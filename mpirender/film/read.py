"""film.toml → `Film`: defaults filled in, paths made, frames and tracks understood.

::

    [film]
    fps = 24
    size = "320x180"
    options = ["+A0.3"]

    [[shot]]
    name = "walk"
    scene = "walk.pov"
    frames = "1-48"

    [shot.tracks]
    Stride = "1:0, 24:1, loop"
    Turn = "1:0:ease, 2s:90"

    [[movie]]
    file = "walk.mp4"
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast

from mpirender.errors import UsageError
from mpirender.film.model import Film, MovieSpec, Shot
from mpirender.film.schema import Schema, check, defaults, film_schema
from mpirender.frames import FrameList, has_number, parse_frames
from mpirender.tracks import Timing, parse_keys
from mpirender.units import Pixels

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["read_film"]

_FIRST_FRAME = 1  # of an animation that does not say, as POV-Ray has it

_Table = Mapping[str, object]


def read_film(path: Path) -> Film:
    """Read a job file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    film : Film
        Relative paths in the file become relative to its folder.

    Raises
    ------
    UsageError
        If it cannot be read, is no TOML, or asks for something that cannot be; the message names
        file, table and key.
    """
    document = _document(path)
    with _at(f"{path.name}: "):
        check(document, film_schema())
        film = {**_defaults("film"), **cast(_Table, document.get("film", {}))}
        rows = [_merged(film, row) for row in _rows(document, "shot")]
        shots = tuple(_shot(row, number, path.parent) for number, row in enumerate(rows, 1))
        names = tuple(shot.name for shot in shots)
        movies = tuple(
            _movie({"fps": film["fps"], "shots": names, **row}, number, path.parent, names)
            for number, row in enumerate(_rows(document, "movie"), 1)
        )
        _refuse_twins("shots with the name", names)
        _refuse_twins("shots with the output", [shot.output for shot in shots])
        _refuse_twins("movies with the file", [str(movie.file) for movie in movies])
    return Film(path, str(film["fps"]), shots, movies)


def _document(path: Path) -> _Table:
    try:
        return cast(_Table, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        reason = f"{str(error)[:1].lower()}{str(error)[1:]}"
        raise UsageError(f"{path}: not TOML: {reason}", hint="see https://toml.io") from error


def _shot(row: _Table, number: int, folder: Path) -> Shot:
    name = str(row["name"])
    with _at(f'[shot {number} "{name}"]: '):
        frames = parse_frames(str(row["frames"])) if "frames" in row else None
        timing = _timing(row, frames)
        keys = cast(Mapping[str, str], row.get("tracks", {}))
        tracks = tuple(parse_keys(variable, text) for variable, text in keys.items())
        for track in tracks:
            track.curve(timing)  # only now is it known whether the keys follow each other
        return Shot(
            name=name,
            scene=folder / str(row["scene"]),
            frames=frames,
            clock=_clock(row["clock"]) if "clock" in row else None,
            size=_size(str(row["size"])) if "size" in row else None,
            options=tuple(cast(list[str], row["options"])),
            output=str(folder / _output(str(row["output"]), name, frames)),
            priority=_whole(row["priority"]),
            motion_blur=_whole(row["motion_blur"]),
            shutter=float(cast(float, row["shutter"])),
            tracks=tracks,
            timing=timing,
        )


def _movie(row: _Table, number: int, folder: Path, names: tuple[str, ...]) -> MovieSpec:
    shots = tuple(cast(list[str], row["shots"]))
    if unknown := [shot for shot in shots if shot not in names]:
        raise UsageError(
            f'[movie {number} "{row["file"]}"]: no shot has the name {unknown[0]!r}',
            hint=f"there are: {', '.join(names)}",
        )
    return MovieSpec(
        file=folder / str(row["file"]),
        shots=shots,
        fps=str(row["fps"]),
        codec=str(row.get("codec", "")),
        bitrate=str(row.get("bitrate", "")),
        quality=_whole(row["quality"]) if "quality" in row else None,
        bits=_whole(row["bits"]) if "bits" in row else None,
    )


def _defaults(table: str) -> dict[str, object]:
    """Return what the schema says of a table's keys that are left out."""
    tables = cast(Mapping[str, Schema], film_schema()["properties"])
    rows = cast(Schema, tables[table].get("items", tables[table]))
    return defaults(cast(Schema, rows["properties"]))


def _merged(film: _Table, row: _Table) -> _Table:
    """Return a shot with what holds for all of them; options are added up."""
    options = [*cast(list[str], film.get("options", [])), *cast(list[str], row.get("options", []))]
    return {**_defaults("shot"), **film, **row, "options": options}


def _timing(row: _Table, frames: FrameList | None) -> Timing:
    known = frames is not None and not frames.needs_last
    return Timing(
        rate=Fraction(str(row["fps"])),
        start=min(frames.resolve()) if frames is not None and known else _FIRST_FRAME,
        bpm=Fraction(str(row["bpm"])),
        beats_per_bar=_whole(row["beats_per_bar"]),
    )


def _output(pattern: str, name: str, frames: FrameList | None) -> str:
    several = frames is not None and (frames.needs_last or len(frames.resolve()) > 1)
    if several and not has_number(pattern):
        raise UsageError(
            f"output: got {pattern!r}, expected # for the number of the frame",
            hint="such as frames/{shot}_####.png",
        )
    return pattern.replace("{shot}", name)


def _clock(value: object) -> tuple[float, float]:
    parts = value.split(":") if isinstance(value, str) else cast(list[float], value)
    try:
        first, last = map(float, parts)
    except ValueError:
        raise UsageError(f"clock: got {value!r}, expected first:last, such as 0:1") from None
    if not (abs(first) < float("inf") and abs(last) < float("inf")):
        raise UsageError(f"clock: got {value!r}, expected numbers, such as 0:1")
    return first, last


def _size(text: str) -> tuple[Pixels, Pixels]:
    width, height = re.split("[xX]", text)
    return int(width), int(height)


def _refuse_twins(what: str, values: tuple[str, ...] | list[str]) -> None:
    if twins := [value for value in values if values.count(value) > 1]:
        raise UsageError(f"two {what} {twins[0]!r}", hint="each needs its own")


def _rows(document: _Table, key: str) -> list[_Table]:
    return cast(list[_Table], document.get(key, []))


def _whole(value: object) -> int:
    """Return a whole number, which may be written 2.0 as in JSON Schema."""
    return int(cast(float, value))


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put the place in front of the message of an error within."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}{error.message}", hint=error.hint) from error
