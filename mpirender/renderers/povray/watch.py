"""What POV-Ray says while it renders, and whether its word counts."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from mpirender.errors import RendererFailed, SceneError
from mpirender.process import Exit
from mpirender.renderers.povray.switches import WAIT
from mpirender.units import Pixels, Seconds

__all__ = ["PovrayWatch"]

_TIME = re.compile(r"\s*(\w+) Time:.*\((\d+\.\d+) seconds\)")
_SIZE = re.compile(r"\s*Image resolution\.+(\d+) by (\d+) ")
_TRACED = re.compile(r"Pixels: +(\d+) +Samples: ")
_SETUP = ("Parse", "Bounding", "Photon")  # and not Radiosity, which is shared out with the pixels
_NEARLY = 0.75  # of the pixels: the first pass ends a little before all of them
_NOTHING_SAID = "POV-Ray said nothing"
_SAYS_LITTLE = ("Fatal error in", "Render failed")
_NO_MEMORY = re.compile("Out of memory|bad_alloc")  # the latter even as a "Parse Error"


@dataclass(slots=True)
class PovrayWatch:
    """What POV-Ray's output has said so far; see `mpirender.renderers.base.Watch`.

    Radiosity scenes are gone through twice, and the same counter runs twice: first in steps of a
    few pixels, mostly, then block by block. Each counts as one half. With ``pretrace_end 1`` the
    first pass looks like the second, until the counter begins anew.

    Several threads may overtake each other between counting and telling, so that a smaller number
    follows a larger one, even as the last, and the largest may be missing. So the pixels of its
    statistics count as well; those have the pixels of the first pass in them, and some twice.

    Attributes
    ----------
    expected_pixels : int
        Of each frame of the task.
    area_pixels : int
        Of all that POV-Ray takes for its own, though some of it is not to be rendered; 0 where
        that is the task.
    frames : int
        Of the task.
    first_block : int
        Pixels of its first block, the least that the counter of a picture begins with.
    """

    expected_pixels: int
    area_pixels: int = 0
    first_block: int = 1
    frames: int = 1
    frames_done: int = 0
    fraction: float = 0.0
    version: str = ""
    size: tuple[Pixels, Pixels] = (0, 0)
    is_setting_up: bool = True
    setup_seconds: Seconds = 0.0
    render_seconds: Seconds = 0.0
    _counted: int = 0
    _total: int = 0
    _traced: int = 0
    _passes: int = 1
    has_pretraced: bool = False
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=60))

    def see(self, line: str) -> None:
        """Take in one line or progress record; see `Watch.see`."""
        if done := re.match(r"Rendered (\d+) of (\d+) pixels", line):
            self.is_setting_up = False
            self._count(int(done[1]), int(done[2]))
            return
        if spent := _TIME.match(line):
            self._note_time(spent[1], float(spent[2]))
        elif traced := _TRACED.match(line):
            self._traced = int(traced[1])
        elif said := re.search(r"Ray Tracer Version (\S+)", line):
            self.version = said[1]
        elif said := _SIZE.match(line):
            self.size = int(said[1]), int(said[2])
        elif line.startswith("==== [Parsing"):
            self._count_anew()  # a straggler of the frame before may have come
        elif line.startswith("==== [Rendering"):
            self.is_setting_up = False
        self.is_setting_up |= line.startswith("Photon count")
        if line.strip():
            self._tail.append(line)

    def _note_time(self, phase: str, seconds: Seconds) -> None:
        if phase in _SETUP:
            self.setup_seconds += seconds
        else:
            self.render_seconds += seconds
        if phase == "Trace" and self._has_all:
            self.frames_done += 1  # what it says last of a frame, when the file is there
            if self.frames_done < self.frames:
                self._count_anew()
            self.fraction = self.frames_done / self.frames

    def _count_anew(self) -> None:
        self._counted = self._total = self._traced = 0
        self._passes, self.has_pretraced = 1, False

    @property
    def _has_all(self) -> bool:
        """Whether all pixels of the frame have been traced, and no others."""
        expected = self.expected_pixels
        return self._total in (expected, self.area_pixels) and (
            self._counted == expected or self._traced >= expected
        )

    @property
    def is_pretracing(self) -> bool:
        """Whether radiosity samples are taken all over the task; see `Watch`."""
        return self._passes == 2 and not self.has_pretraced

    def _count(self, done: int, total: int) -> None:
        whole = max(1, min(total, self.expected_pixels))
        if not self._counted:
            self._passes = 2 if done < self.first_block else 1
        if done <= self._counted / 2 and self._counted > _NEARLY * whole:
            self._passes, self.has_pretraced, self._counted = 2, True, 0
        self._counted, self._total = max(self._counted, done), total
        part = self._counted / whole
        part = (part + self.has_pretraced) / 2 if self._passes == 2 else part
        self.fraction = (self.frames_done + part) / self.frames

    def judge(self, end: Exit) -> None:
        """Decide whether all pixels were rendered; see `Watch.judge`."""
        tail = list(self._tail)
        begun = [i for i, line in enumerate(tail) if line.startswith("==== [Parsing")]
        said = "\n".join(tail[(begun or [-1])[-1] + 1 :][-20:])
        if end.status != 0:
            if fault := self._fault_of_scene():
                raise SceneError(f"POV-Ray: {fault}", detail=said)
            raise RendererFailed(f"POV-Ray ended with {end}: {self._complaint()}", detail=said)
        if self.frames_done < self.frames - 1:
            raise RendererFailed(
                f"POV-Ray ended with {end} after {self.frames_done} of {self.frames} frames",
                detail=said,
            )
        if not self._has_all:
            raise RendererFailed(
                f"POV-Ray ended with {end}, but said {self._counted} of {self._total} pixels,"
                f" expected {self.expected_pixels}",
                detail=said,
            )

    def _fault_of_scene(self) -> str:
        """Return POV-Ray's own words for an error in the scene or the options; empty if none."""
        text = re.sub(r"\n (?=\S)", " ", "\n".join(self._tail))  # it breaks lines at 80 columns
        if _NO_MEMORY.search(text):
            return ""
        where = r"(?:File '[^\n]*?' line \d+: )?"
        for fault in (
            where + r"(?<!Possible )(?:Parse|Fatal) Error[^\n]*",
            where + r"Possible Parse Error[^\n]*(?=\n(?:.*\n)*Fatal error in parser)",
            r"Failed to parse command-line option",
        ):
            if found := re.search(fault, text):
                is_ours = WAIT in found[0].replace(" ", "")
                return "" if is_ours else found[0].strip()
        return ""

    def _complaint(self) -> str:
        complaints = [
            line
            for line in self._tail
            if re.search(r"error|cannot|fail|memory", line, re.I)
            and "user configuration file" not in line
        ]
        telling = [line for line in complaints if not line.startswith(_SAYS_LITTLE)]
        return (telling or complaints or [*self._tail] or [_NOTHING_SAID])[-1].strip()
