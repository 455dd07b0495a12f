"""Which frames POV-Ray is to render, under which names and with which values.

POV-Ray computes the clock of a frame from its number and the range of the whole animation. So that
range stays on every rank, and only the subset that a rank renders changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mpirender.errors import UsageError
from mpirender.frames import has_number, numbered, subframe_times
from mpirender.model import Blend, JobFrame
from mpirender.renderers.base import Request, without_section
from mpirender.renderers.povray.switches import path_argument
from mpirender.tracks import Setting, include_header

__all__ = ["Animation", "animation_of"]

_NO_CLOCK = (
    "an animation of one frame has no clock: POV-Ray divides by zero; keep the range of the whole"
    " one and choose with --frames, or give +K its value"
)


@dataclass(frozen=True, slots=True)
class Animation:
    """What a request means for the frames.

    Attributes
    ----------
    arguments : tuple of str
        Switches besides those that were typed.
    frames : tuple of JobFrame
        Empty for one still.
    files, blends
        See `mpirender.model.Job`.
    remarks : tuple of str
        What the user should know.
    """

    arguments: tuple[str, ...] = ()
    frames: tuple[JobFrame, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    blends: tuple[Blend, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Range:
    """POV-Ray's own settings of an animation."""

    initial: int
    final: int
    start: int
    end: int
    step: int
    is_cyclic: bool
    clock: tuple[float, float] = (0.0, 1.0)

    def clock_at(self, time: float) -> float:
        """Return the clock between frames, as POV-Ray has it at them."""
        frames = max(1, self.final + self.is_cyclic - self.initial)
        return self.clock[0] + (self.clock[1] - self.clock[0]) / frames * (time - self.initial)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(range(self.start, max(self.start, self.end) + 1, self.step))


def animation_of(
    request: Request, settings: dict[str, list[str]], output: Path, *, animated: bool
) -> Animation:
    """Return the frames of a request.

    Parameters
    ----------
    request : Request
    settings : dict of str to list of str
        POV-Ray's effective settings.
    output : Path
        Name of the picture of a frame without number.
    animated : bool
        Whether these settings are those of an animation.

    Raises
    ------
    UsageError
        If frames are asked for that there are not, or tracks where there are no frames.
    """
    if request.scenes:
        return Animation(frames=_of_scenes(request, output))
    arguments: list[str] = []
    if animated:
        whole = _range_of(settings)
        numbers = whole.numbers
        if request.frames:
            numbers = request.frames.resolve(whole.initial, whole.final)
    elif request.frames:
        numbers = request.frames.resolve()
        whole = _range_over(numbers)
        arguments += [f"+KFI{whole.initial}", f"+KFF{whole.final}"]
    else:
        _refuse_without_frames(request)
        return Animation(frames=_still(request, output) if request.is_shot else ())
    if request.clock:
        whole = replace(whole, clock=request.clock)
        arguments += [f"+KI{request.clock[0]:.12g}", f"+KF{request.clock[1]:.12g}"]
    if request.motion_blur > 1:
        return _blurred(request, numbers, whole, output, tuple(arguments))
    return Animation(
        arguments=tuple(arguments),
        frames=tuple(_frame(number, whole, request, output) for number in numbers),
        files=_files(request, numbers),
        remarks=(_NO_CLOCK,) if whole.initial == whole.final else (),
    )


def _range_of(settings: dict[str, list[str]]) -> _Range:
    def value(key: str, default: float) -> float:
        return float(settings.get(key, [str(default)])[-1])

    initial = max(0, int(value("Initial_Frame", 1)))
    final = int(value("Final_Frame", 1))
    is_cyclic = settings.get("Cyclic_Animation", ["Off"])[-1].lower() in ("on", "yes", "true", "1")

    def bound(key: str, default: int) -> int:
        typed = value(key, default)
        if 0 < typed < 1:  # of the frames, but counted from 0, whatever the initial one is
            typed *= final + is_cyclic - initial + 1
        return max(initial, int(typed))

    return _Range(
        initial=initial,
        final=final,
        start=bound("Subset_Start_Frame", initial),
        end=bound("Subset_End_Frame", final),
        step=max(1, int(value("Frame_Step", 1))),
        is_cyclic=is_cyclic,
        clock=(value("Initial_Clock", 0.0), value("Final_Clock", 1.0)),
    )


def _range_over(numbers: Sequence[int]) -> _Range:
    """Return the range of an animation that has only been asked for by its frames.

    A range of a single frame has no clock for POV-Ray: it divides by zero.
    """
    first, last = min(numbers), max(numbers)
    if first < 0:
        raise UsageError(f"frame {first}: POV-Ray counts from 0", hint="choose frames from 0 on")
    return _Range(first, max(last, first + 1), first, last, 1, is_cyclic=False)


def _frame(number: int, whole: _Range, request: Request, output: Path) -> JobFrame:
    digits = len(str(whole.final + whole.is_cyclic))
    label = f"{number:0{digits}d}"
    if len(label) > digits:
        raise UsageError(
            f"frame {number}: it has more digits than the final frame {whole.final}, and POV-Ray"
            " would write the number over the name of the picture",
            hint="raise +KFF, or choose other frames",
        )
    return JobFrame(number, _named(request, number, output, label), label)


def _named(request: Request, number: int, output: Path, label: str) -> Path:
    """Return where a frame's picture will be: as POV-Ray names it, or by the user's pattern."""
    if request.output is None or not has_number(str(request.output)):
        return output.with_stem(output.stem + label)
    path = Path.cwd() / numbered(str(request.output), number)
    return path if path.suffix == output.suffix else path.with_name(path.name + output.suffix)


def _blurred(
    request: Request,
    numbers: Sequence[int],
    whole: _Range,
    output: Path,
    arguments: tuple[str, ...],
) -> Animation:
    """Return the sub-frames of an animation; each keeps the number of its frame in the scene.

    POV-Ray takes the initial clock for the first of two frames, whatever their numbers.
    """
    count = request.motion_blur
    frames: list[JobFrame] = []
    files: list[tuple[str, str]] = []
    blends: list[Blend] = []
    for number in numbers:
        wanted = _frame(number, whole, request, output).output
        digits = len(str(number + 1 + whole.is_cyclic))
        for at, time in enumerate(subframe_times(number, count, request.shutter)):
            clock = f"{whole.clock_at(time):.12g}"
            name = ""
            if request.curves:
                values = [(track, curve.value(time)) for track, curve in request.curves]
                files.append(_named_by_content(_header(request, [(number, values)])))
                name = files[-1][0]
            frames.append(
                JobFrame(
                    number=len(frames),
                    output=wanted.with_name(f".{wanted.stem}.{at}{wanted.suffix}"),
                    label=f"{number:0{digits}d}",
                    arguments=(
                        *(f"+KFI{number}", f"+KFF{number + 1}", f"+KI{clock}", f"+KF{clock}"),
                        *(f"+SF{number}", f"+EF{number}", "+STP1"),
                    ),
                    file=name,
                )
            )
        blends.append(Blend(wanted, tuple(frame.output for frame in frames[-count:])))
    return Animation(arguments, tuple(frames), tuple(files), tuple(blends))


def _files(request: Request, numbers: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Return the header that gives variables their values, frame by frame."""
    if not request.curves:
        return ()
    values = [
        (number, [(name, curve.value(number)) for name, curve in request.curves])
        for number in numbers
    ]
    return (_named_by_content(_header(request, values)),)


def _named_by_content(text: str) -> tuple[str, str]:
    """Return a header's file name, another one for each shot of a run, and its text."""
    from hashlib import sha256  # only now: it loads OpenSSL

    return f"tracks-{sha256(text.encode()).hexdigest()[:16]}.inc", text


def _header(request: Request, values: Sequence[tuple[int, Sequence[Setting]]]) -> str:
    text = include_header(values)
    if own := _own_header(request):
        text += f'#include "{Path(own).absolute()}"\n'
    return text


def _own_header(request: Request) -> str:
    """Return the header that the user has asked for; POV-Ray takes only one."""
    name = without_section(request.scene)[0]
    if name.lower().endswith(".ini"):
        text = Path(name).read_text(errors="replace")
        if re.search(r"^\s*Include_Header\s*=", text, re.IGNORECASE | re.MULTILINE):
            raise UsageError(
                f"{name}: Include_Header and tracks, but POV-Ray takes one header",
                hint="leave it out there, and give it as +HI",
            )
    typed = (re.fullmatch(r"(?:\+HI|Include_Header=)(.+)", a, re.I) for a in request.arguments)
    return next((found[1] for found in typed if found), "")


def _of_scenes(request: Request, output: Path) -> tuple[JobFrame, ...]:
    """Return a frame for each of several scenes, counted from 1."""
    frames = []
    for number, scene in enumerate(request.scenes, start=1):
        path = Path.cwd() / (Path(scene).stem + output.suffix)
        if request.output is not None and has_number(str(request.output)):
            path = _named(request, number, output, "")
        elif request.output is not None:
            path = output.with_name(path.name) if output.is_dir() else path
        frames.append(JobFrame(number, path, arguments=(path_argument("+I", Path(scene)),)))
    return tuple(frames)


def _still(request: Request, output: Path) -> tuple[JobFrame]:
    """Return the one frame of a shot that is no animation; its pictures have no number."""
    return (JobFrame(1, _named(request, 1, output, ""), arguments=("-KC",)),)


def _refuse_without_frames(request: Request) -> None:
    blurs = request.motion_blur > 1
    asked = {"--track": request.curves, "--clock": request.clock, "--motion-blur": blurs}
    for what, typed in asked.items():
        if typed:
            raise UsageError(
                f"{what}, but {request.scene} has one frame",
                hint="say which frames: --frames 1-240",
            )
