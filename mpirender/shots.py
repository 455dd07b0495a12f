"""What was typed, or stands in a job file, as one request a shot; the next is asked at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from mpirender.errors import UsageError
from mpirender.flags import Flags, MovieFlags
from mpirender.frames import natural_key
from mpirender.hosts import (
    cores_allotted,
    launcher_claim,
    seat_of_this_process,
    threads_foretold,
)
from mpirender.model import Job, Tile
from mpirender.partition import Grid, Section
from mpirender.renderers import ask, name_for, renderer_named
from mpirender.renderers.base import Question, Renderer, Request, SceneInfo, variables_of
from mpirender.tracks import Timing
from mpirender.units import Pixels

__all__ = [
    "AskedShot",
    "MovieOrder",
    "Shots",
    "ask_for_shots",
    "in_order",
    "job_of",
    "smaller",
    "start_early",
    "with_movies",
]

_FPS = "25"
_USUAL_MOVIE = ".mp4"
_SHUTTER = 0.5  # frames
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class AskedShot:
    """A shot whose renderer has been asked what it means.

    Attributes
    ----------
    name : str
        Empty where there is but one.
    renderer : Renderer
    question : Question
    priority : int
        Higher ones first.
    """

    name: str
    renderer: Renderer
    question: Question
    priority: int = 0


@dataclass(frozen=True, slots=True)
class MovieOrder:
    """A movie that is wanted.

    Attributes
    ----------
    movie : MovieFlags
    shots : tuple of str
        Names, in the order of the movie; empty for all.
    """

    movie: MovieFlags
    shots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shots:
    """All shots of a run, and the movies they are for."""

    shots: tuple[AskedShot, ...]
    movies: tuple[MovieOrder, ...]

    def close(self) -> None:
        """Be done with the questions; renderers that stay wait for tasks then."""
        for shot in self.shots:
            shot.question.close()


def ask_for_shots(flags: Flags) -> Shots:
    """Begin to ask the renderer about everything that is to be rendered.

    Raises
    ------
    UsageError, RendererNotFound
        Where that can be told at once.
    """
    if _is_film(flags):
        return _film(flags, Path(flags.scenes[0]))
    shot = AskedShot("", *ask(_request(flags), flags.renderer))
    return Shots((shot,), tuple(MovieOrder(movie) for movie in flags.movies))


def start_early(flags: Flags) -> None:
    """Start on this rank, while rank 0 asks, what tasks are likely to need."""
    if not _is_film(flags):
        request = _request(flags)
        renderer_named(flags.renderer or name_for([request.scene])).start_early(request)


def _is_film(flags: Flags) -> bool:
    return len(flags.scenes) == 1 and flags.scenes[0].endswith(".toml")


def _request(flags: Flags) -> Request:
    """Return what the renderer is asked where there is one shot."""
    scenes = _meant(flags.scenes)
    first = min(flags.frames.resolve()) if flags.frames and not flags.frames.needs_last else 1
    fps = next((movie.fps for movie in flags.movies if movie.fps), _FPS)
    return Request(
        flags.program,
        scenes[0],
        flags.passed_on,
        flags.output,
        flags.size,
        frames=flags.frames,
        clock=flags.clock,
        curves=tuple(
            (track.name, track.curve(Timing(_rate(fps), start=first))) for track in flags.tracks
        ),
        scenes=scenes if len(scenes) > 1 else (),
        motion_blur=flags.motion_blur or 1,
        shutter=flags.shutter or _SHUTTER,
        split=flags.split,
        threads=_threads(flags),
        ranks=launcher_claim(os.environ).size,
    )


def _threads(flags: Flags) -> int:
    """Return how many threads a rank will have, as far as it can be foretold."""
    if flags.reproducible:
        return 1
    seat = seat_of_this_process("", os.environ)
    return flags.threads or threads_foretold(seat, os.environ, cores_allotted())


def _film(flags: Flags, path: Path) -> Shots:
    """Ask about the shots of a job file; options on the command line come after its own."""
    from mpirender.film import read_film

    for option, typed in (("--track", flags.tracks), ("-o", flags.output)):
        if typed:
            raise UsageError(f"{option} beside a job file", hint=f"write it into {path}")
    film = read_film(path)
    asked: list[AskedShot] = []
    with ExitStack() as questions:
        for shot in film.shots:
            request = Request(
                flags.program,
                str(shot.scene),
                (*shot.options, *flags.passed_on),
                Path(shot.output),
                flags.size or shot.size,
                frames=flags.frames or shot.frames,
                clock=flags.clock or shot.clock,
                curves=tuple((track.name, track.curve(shot.timing)) for track in shot.tracks),
                motion_blur=flags.motion_blur or shot.motion_blur,
                shutter=flags.shutter or shot.shutter,
                is_shot=True,
                split=flags.split,
                threads=_threads(flags),
            )
            asked.append(AskedShot(shot.name, *ask(request, flags.renderer), shot.priority))
            questions.callback(asked[-1].question.close)
        questions.pop_all()  # all have been asked, and whoever wants the answers closes them
    movies = [
        MovieOrder(MovieFlags(m.file, m.fps, m.codec, m.bitrate, m.quality), m.shots)
        for m in film.movies
    ]
    movies += (MovieOrder(movie) for movie in flags.movies)
    return Shots(tuple(asked), tuple(movies))


def with_movies(shots: Shots, answers: Sequence[SceneInfo]) -> Shots:
    """Return the shots with the movies that scenes ask for themselves, and with their rates.

    Where the user wants a movie, a scene's own is left out.
    """
    rates = {
        shot.name: info.rate for shot, info in zip(shots.shots, answers, strict=True) if info.rate
    }
    orders = shots.movies or tuple(
        MovieOrder(_own_movie(info.movie, info.codec), (shot.name,) if shot.name else ())
        for shot, info in zip(shots.shots, answers, strict=True)
        if info.movie and len(info.frames) > 1
    )
    return replace(shots, movies=tuple(_at_rate(order, rates) for order in orders))


def _at_rate(order: MovieOrder, rates: Mapping[str, str]) -> MovieOrder:
    """Return a movie with the rate of its first scene that has one, if none was asked for."""
    own = (rates[name] for name in order.shots or rates if name in rates)
    return replace(order, movie=replace(order.movie, fps=order.movie.fps or next(own, "")))


def _own_movie(path: Path, codec: str) -> MovieFlags:
    """Return a movie as the scene asks for it, as far as it is possible here."""
    from mpirender.encode import CONTAINERS

    if path.suffix not in CONTAINERS:
        path = path.with_suffix(_USUAL_MOVIE)
    return MovieFlags(path, codec=codec if codec in CONTAINERS[path.suffix].codecs else "")


def _rate(fps: str) -> Fraction:
    try:
        return Fraction(fps)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps: got {fps!r}, expected such as 25 or 30000/1001") from None


def _meant(typed: Sequence[str]) -> tuple[str, ...]:
    """Return the scenes that names, patterns and folders stand for, in natural order."""
    scenes: list[str] = []
    for text in typed:
        path = Path(text)
        if _MAGIC & set(text) and not path.exists() and not text.endswith("]"):
            found = [str(p) for p in path.parent.glob(path.name)]
        elif path.is_dir():
            found = [str(p) for p in path.glob("*.pov")]
        else:
            scenes.append(text)
            continue
        if not found and path.is_dir():
            raise UsageError(f"{text} is a folder, expected a scene, or several (*.pov) in it")
        if not found:
            raise UsageError(f"no scenes: {text}", hint=f"looked in {Path.cwd()}")
        scenes += sorted(found, key=natural_key)
    return tuple(dict.fromkeys(scenes))


def job_of(flags: Flags, renderer: Renderer, info: SceneInfo, *, streams: bool) -> Job:
    """Return the job: what was typed, in the light of what the renderer says.

    Parameters
    ----------
    flags : Flags
    renderer : Renderer
    info : SceneInfo
    streams : bool
        Whether ranks send block by block.
    """
    streams = streams and not flags.reproducible
    is_alike = not (info.frames or info.files or info.shares_samples)  # task and task
    return Job(
        renderer=renderer.name,
        program=info.program,
        version=info.version,
        arguments=info.arguments,
        directory=Path.cwd(),
        environment=variables_of(renderer.variables),
        width=info.width,
        height=info.height,
        area=info.area,
        block=info.block,
        picture=info.picture,
        output=info.output,
        limits=flags.limits,
        keep=flags.keep,
        scene=info.scene,
        streams=streams,
        frames=info.frames,
        shares_samples=info.shares_samples and not info.frames,
        spares=info.spares and streams and is_alike,
        files=info.files,
        blends=info.blends,
        whole=info.whole,
    )


def smaller(
    flags: Flags, renderer: Renderer, *, size: tuple[Pixels, Pixels], area: Tile, scale: int
) -> Job:
    """Return the job of one shot at a fraction of its width and height, to be measured.

    Parameters
    ----------
    flags : Flags
    renderer : Renderer
    size : tuple of int
        Width and height of the picture.
    area : Tile
        What of it is wanted.
    scale : int
        By which both are divided.

    Raises
    ------
    UsageError
        If only a part of the picture is wanted, or the renderer shows no cost of its blocks.
    """
    if not renderer.divides:
        raise UsageError(
            f"what a scene of {renderer.name}'s costs cannot be foretold",
            hint="mpirender bench measures it, on few ranks and with --size and --samples",
        )
    width, height = size
    if (area.width, area.height) != size:
        raise UsageError(
            "only a part of the picture cannot be measured",
            hint="ask for the whole: no +SR +ER +SC +EC",
        )
    small_size = max(1, width // scale), max(1, height // scale)
    small_blocks = (*flags.passed_on, *renderer.small_blocks)
    with closing(ask_for_shots(replace(flags, size=small_size, passed_on=small_blocks))) as shots:
        small = shots.shots[0].question.answer()
    return job_of(flags, renderer, small, streams=small.streams)


def in_order(
    jobs: Sequence[Job],
    grids: Sequence[Grid],
    priorities: Sequence[int],
    *,
    preview: int | None = None,
) -> list[Section]:
    """Return the frames of all jobs in the order in which they are to be rendered.

    Parameters
    ----------
    jobs : sequence of Job
    grids : sequence of Grid
        Of each job.
    priorities : sequence of int
        Of each job; higher ones first.
    preview : int or None
        Every so many frames of all jobs come first.
    """
    first: list[Section] = []
    rest: list[Section] = []
    for job in sorted(range(len(jobs)), key=lambda job: -priorities[job]):
        frames = jobs[job].frames
        numbers = [frame.number for frame in frames]
        step = min((b - a for a, b in pairwise(numbers)), default=1)
        if any(frame.arguments for frame in frames):
            step = 0  # each frame in a process of its own
        every = preview or 1
        parts = jobs[job].streams and not renderer_named(jobs[job].renderer).divides
        first.append(Section(job, grids[job], tuple(numbers[::every]), step * every, parts))
        left = tuple(n for at, n in enumerate(numbers) if at % every)
        if left:
            rest.append(Section(job, grids[job], left, step, parts))
    return first + rest
