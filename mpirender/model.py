"""The nouns of the program: what a job, a task and a result are.

All are frozen and checked when they are made, so that whoever holds one may trust it. Rows and
columns are counted from 0 at the top left, and the end is not included, as everywhere in Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from mpirender.frames import compact
from mpirender.units import Bytes, Pixels, Seconds

_WITNESS_PIXELS = 4_000_000
_WITHOUT_WITNESS = ("jpeg", "rca")

Metadata: TypeAlias = tuple[tuple[str, bytes], ...]
"""Names and raw values in the order of the file; a name may come twice."""

__all__ = [
    "UNKNOWN_MACHINE",
    "Blend",
    "Chore",
    "Job",
    "JobFrame",
    "Limits",
    "Machine",
    "Metadata",
    "MoviePart",
    "PictureFormat",
    "PictureType",
    "Result",
    "Seat",
    "Task",
    "Tile",
    "TileRecord",
]


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A rectangle of a frame; a row block is a tile over all columns.

    Attributes
    ----------
    start, stop : int
        Rows, ``0 <= start < stop``.
    left, right : int
        Columns, ``0 <= left < right``.
    frame : int
        Position of the frame in the run, from 0.
    frames : int
        How many frames, one after the other, the same rectangle is of; 1 but for whole frames.
    """

    start: int
    stop: int
    left: int
    right: int
    frame: int = 0
    frames: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.start < self.stop and 0 <= self.left < self.right):
            raise ValueError(f"not a rectangle: {self}")

    @property
    def height(self) -> Pixels:
        """Rows of the tile."""
        return self.stop - self.start

    @property
    def width(self) -> Pixels:
        """Columns of the tile."""
        return self.right - self.left

    @property
    def pixels(self) -> Pixels:
        """Pixels of the tile, in all of its frames."""
        return self.height * self.width * self.frames

    def spans(self, area: Tile) -> bool:
        """Return whether the tile is as large as an area: that of whole frames."""
        return (self.height, self.width) == (area.height, area.width)

    def contains(self, other: Tile) -> bool:
        """Return whether all of another tile lies within this one."""
        return (
            self.frame == other.frame
            and self.start <= other.start < other.stop <= self.stop
            and self.left <= other.left < other.right <= self.right
        )

    def __str__(self) -> str:
        return f"rows {self.start}-{self.stop - 1}, columns {self.left}-{self.right - 1}"


@dataclass(frozen=True, slots=True)
class Task:
    """What is handed out, and tried again, as one.

    Attributes
    ----------
    id : int
        Dense, from 0.
    tile : Tile
        What to render.
    job : int
        Which of the run's jobs it belongs to.
    numbers : tuple of int
        Of the frames, as the renderer counts; empty in a job of one still.
    """

    id: int
    tile: Tile
    job: int = 0
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.numbers:
            return str(self.tile)
        return f"frames {compact(self.numbers)}, {self.tile}"


@dataclass(frozen=True, slots=True)
class TileRecord:
    """A finished block as the renderer has written it down.

    Attributes
    ----------
    block : int
        Its number on the grid of the area, in reading order.
    data : bytes
        In the renderer's own format; a file of such records is what its last pass reads.
    """

    block: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PictureType:
    """The type of file a renderer has been asked for.

    Attributes
    ----------
    kind : str
        ``png``, ``ppm``, ``tga``, ``bmp``, ``exr``, ``hdr`` or ``jpeg``; ``rca`` for samples of
        radiosity instead of a picture.
    bits : int
        Bits a channel in the file, 8 or 16; 0 where the renderer does not say.
    alpha : bool
        Whether the picture has transparency.
    quality : int
        Of a JPEG, 1 to 100; 0 for all others.
    """

    kind: str
    bits: int = 8
    alpha: bool = False
    quality: int = 0

    def __post_init__(self) -> None:
        if self.bits not in (0, 8, 16):
            raise ValueError(f"bits a channel: got {self.bits}, expected 8 or 16")


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """How the pixels lie in a file, and everything in the file that is not a pixel.

    Parameters
    ----------
    kind : str
        "png", "ppm", "bmp", "tga", "exr", "hdr" or "jpeg".
    dtype : str
        numpy name of one value: "uint8", "uint16", "float16" or "float32".
    channels : str
        One letter a channel: "L", "LA", "RGB", "RGBA", or "RGBE" for the raw bytes of HDR.
    metadata : tuple of (str, bytes)
        As the decoder of the kind left it; only the encoder of the kind reads it.
    """

    kind: str
    dtype: str
    channels: str
    metadata: Metadata = ()

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is transparency."""
        return self.channels.endswith("A")

    @property
    def layout(self) -> tuple[str, str, str]:
        """Kind, dtype and channels: what two blocks of one frame must have in common."""
        return self.kind, self.dtype, self.channels

    def get(self, name: str, default: bytes = b"") -> bytes:
        """First metadata value of this name, or the default."""
        return next((value for key, value in self.metadata if key == name), default)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a task is tried.

    Attributes
    ----------
    retries : int
        How often a failed task is tried again, >= 0.
    timeout : float or None
        Seconds that one attempt may take; None for no limit.
    """

    retries: int = 2
    timeout: Seconds | None = None

    def __post_init__(self) -> None:
        if self.retries < 0 or (self.timeout is not None and self.timeout <= 0):
            raise ValueError(f"limits out of range: {self}")


@dataclass(frozen=True, slots=True)
class JobFrame:
    """One frame of an animation, or one of several stills that have all but the scene in common.

    Attributes
    ----------
    number : int
        As the renderer counts.
    output : Path
        Where its picture will be, absolute.
    label : str
        How the renderer writes the number into the names of its files; empty where it does not.
    arguments : tuple of str
        The renderer's own, for this frame only; it needs a process of its own then.
    file : str
        Name of the one of `Job.files` that this frame is to find; empty for the first.
    """

    number: int
    output: Path
    label: str = ""
    arguments: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Blend:
    """A picture that is the mean of several frames.

    Attributes
    ----------
    output : Path
        Absolute.
    parts : tuple of Path
        Outputs of the frames.
    """

    output: Path
    parts: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class MoviePart:
    """Some frames of a long movie, encoded apart from the others and joined with them later.

    Attributes
    ----------
    output : Path
        Absolute; of the movie's suffix.
    frames : tuple of Path
        Pictures that are in their places.
    rate : Fraction
        Frames a second.
    codec : str
    quality, bitrate : int or None
    """

    output: Path
    frames: tuple[Path, ...]
    rate: Fraction
    codec: str
    quality: int | None
    bitrate: int | None


Chore: TypeAlias = Blend | MoviePart
"""What a rank that sees the pictures can make of them beside rendering; known by its output."""


@dataclass(frozen=True, slots=True)
class Job:
    """One scene to be rendered, resolved on rank 0 and sent to every rank once.

    Attributes
    ----------
    renderer, program, version : str
        Name in the table of renderers; the program as every host is to find it; the version that
        all hosts must have.
    arguments : tuple of str
        The renderer's own arguments for the whole picture.
    directory : Path
        Where the renderer runs, the folder in which the user typed the command.
    environment : tuple of (str, str)
        Variables of rank 0 that the renderer reads, so that all ranks see the same.
    width, height : int
        Size of the frame in pixels.
    area : Tile
        What is to be rendered; the whole frame, but for a partial render.
    block : int
        Edge of the renderer's own blocks in pixels; tasks begin on multiples of it.
    picture : PictureType
        What the user will get.
    output : Path
        Where the picture will be, absolute; of an animation, where that of a frame without number
        would be.
    limits : Limits
    keep : bool
        Whether scratch folders stay.
    scene : Path
        The scene's file, where the renderer has one.
    streams : bool
        Whether ranks send block by block what the renderer has finished, and not one picture a
        task.
    frames : tuple of JobFrame
        Empty in a job of one still.
    shares_samples : bool
        Whether threads of one process share what processes find out each for itself, so that one
        process a host is best.
    spares : bool
        Whether a process for a task may be started before the task is known.
    files : tuple of (str, str)
        Names and texts of files that the renderer is to find in the rank's scratch folder.
    blends : tuple of Blend
        What is made of the frames; empty where they are the pictures that are wanted.
    whole : str
        Why frames are not cut; empty where they may be.
    """

    renderer: str
    program: str
    version: str
    arguments: tuple[str, ...]
    directory: Path
    environment: tuple[tuple[str, str], ...]
    width: Pixels
    height: Pixels
    area: Tile
    block: Pixels
    picture: PictureType
    output: Path
    limits: Limits = Limits()
    keep: bool = False
    scene: Path = Path()
    streams: bool = False
    frames: tuple[JobFrame, ...] = ()
    shares_samples: bool = False
    spares: bool = False
    files: tuple[tuple[str, str], ...] = ()
    blends: tuple[Blend, ...] = ()
    whole: str = ""
    _by_number: dict[int, JobFrame] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        frame = Tile(0, self.height, 0, self.width, self.area.frame)
        if not frame.contains(self.area):
            raise ValueError(f"{self.area} is not within {self.width} x {self.height} pixels")
        if self.block < 1:
            raise ValueError(f"block size: got {self.block}, expected 1 or more")
        object.__setattr__(self, "_by_number", {frame.number: frame for frame in self.frames})

    @property
    def bears_witness(self) -> bool:
        """Whether a task's own picture is worth waiting for, to compare the whole one with it.

        A lossy one has no pixels to compare, samples are no picture; a large canvas takes seconds
        to write and to read.
        """
        return (
            self.picture.kind not in _WITHOUT_WITNESS
            and self.width * self.height <= _WITNESS_PIXELS
        )

    @property
    def pixels(self) -> Pixels:
        """Pixels of all frames."""
        return self.area.pixels * max(1, len(self.frames))

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Return where the pictures will be that are wanted, in their order."""
        made = self.blends or self.frames
        return tuple(one.output for one in made) or (self.output,)

    def frame(self, number: int) -> JobFrame:
        """Return the frame of a number."""
        return self._by_number[number]


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt at a task cost.

    Attributes
    ----------
    task : Task
    attempt : int
        From 1.
    rank : int
    host : str
    seconds : float
        From the start of the renderer to its end.
    setup_seconds : float
        Of work before the first pixel (parsing, bounding, photons), which every further task
        costs again.
    render_seconds : float
        Spent on pixels. What is left of `seconds` is latency: the renderer starts, writes, ends.
    cpu_seconds : float
        User and system time of the renderer.
    peak_memory : int
        Its largest resident set in bytes.
    first_word, first_pixel, last_pixel : float
        When the renderer was first heard, and when pixels were seen to be finished for the first
        and the last time; seconds from its start, 0 where that is not known. Ranks look at their
        renderers every 0.06 s at most.
    """

    task: Task
    attempt: int
    rank: int
    host: str
    seconds: Seconds
    setup_seconds: Seconds
    render_seconds: Seconds
    cpu_seconds: Seconds
    peak_memory: Bytes
    first_word: Seconds = 0.0
    first_pixel: Seconds = 0.0
    last_pixel: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a rank sits.

    Attributes
    ----------
    host : str
    cores : frozenset of int
        Numbers of the processors that the rank may use.
    granted : int or None
        How many of them the batch system has given it; None where it does not say.
    """

    host: str
    cores: frozenset[int]
    granted: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a host is, for reports.

    Attributes
    ----------
    cpu : str
        Model of its processors, as the kernel has it; empty where it does not say.
    memory : int
        All of it in bytes; 0 where the kernel does not say.
    """

    cpu: str = ""
    memory: Bytes = 0


UNKNOWN_MACHINE = Machine()
"""One of which nothing is known."""
