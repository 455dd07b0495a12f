"""What in a scene makes pixels depend on the order in which they are traced.

The scene's text is read, not its meaning: what stands in an `#if` that is not taken counts too.

References
----------
POV-Ray 3.7 keeps one sequence of random numbers, and one cache of radiosity samples, that run on
from pixel to pixel: ``source/backend/render/tracetask.cpp``, ``.../lighting/radiosity.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mpirender.renderers.base import Finding

__all__ = ["audit", "has_radiosity"]

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|#\s*include\s*"(?P<file>[^"\n]*)"|"(?:\\.|[^"\\\n])*"'
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[{}])|(?P<number>\d*\.?\d+(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)
_OWN_LIBRARY = "rad_def.inc"  # a folder with this file is POV-Ray's own
_RANDOM = "one sequence of random numbers runs on from pixel to pixel"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A word that matters.

    Attributes
    ----------
    within : tuple of str
        Blocks around it, of which one must be there; empty for any place.
    feature, reason : str
        For people.
    number : callable
        Whether it matters with the number behind it; None where there is none.
    opens : bool
        Whether a brace must follow.
    """

    within: tuple[str, ...]
    feature: str
    reason: str
    number: Callable[[float | None], bool] = lambda number: True
    opens: bool = False


_RADIOSITY = _Rule((), "radiosity", "samples are taken where rays happen to go", opens=True)
_RULES: dict[str, tuple[_Rule, ...]] = {
    "radiosity": (_RADIOSITY,),
    "julia_fractal": (
        _Rule((), "Julia fractal", "single pixels may differ by a level where work is cut"),
    ),
    "photons": (
        _Rule(
            ("global_settings",),
            "photons",
            "with several threads single pixels may differ, as with povray itself",
            opens=True,
        ),
    ),
    "jitter": (
        _Rule(("light_source",), "area light with jitter", _RANDOM),
        _Rule(("media",), "media with jitter", _RANDOM, lambda number: number != 0),
        _Rule(("rainbow",), "rainbow with jitter", _RANDOM, lambda number: number != 0),
    ),
    "method": (_Rule(("media",), "media of method 1", _RANDOM, lambda number: number == 1),),
    "crand": (_Rule((), "crand", _RANDOM, lambda number: number != 0),),
    "subsurface": (_Rule(("finish",), "subsurface light transport", _RANDOM, opens=True),),
    "evaluate": (
        _Rule(("isosurface",), "isosurface with evaluate", "its gradient is learned on the way"),
    ),
}

_WORDS = re.compile(rf"\b(?:{'|'.join(_RULES)})\b")
_WORD = re.compile(r"[A-Za-z_]\w*")
_DECLARED = re.compile(r"#\s*(?:declare|local|macro)\s+(\w+)")
_INCLUDE = re.compile(r'#\s*include\s*"([^"\n]*)"')


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the scene, or of POV-Ray's own library.

    Attributes
    ----------
    path : Path
    text : str
    found : list of (_Rule, int)
        Rules that apply, and where.
    """

    path: Path
    text: str
    found: list[tuple[_Rule, int]]

    @property
    def is_library(self) -> bool:
        return _is_library(self.path)


def has_radiosity(scene: Path, folders: Sequence[Path]) -> bool:
    """Return whether a scene has radiosity; as `audit`, but without POV-Ray's own library."""
    files = _files(scene, folders, library=False)
    return any(rule is _RADIOSITY for file in files for rule, _ in file.found)


def audit(scene: Path, folders: Sequence[Path]) -> list[Finding]:
    """Look for what makes pixels depend on the order of tracing.

    Parameters
    ----------
    scene : Path
        Its main file.
    folders : sequence of Path
        Where included files are looked for, in this order.

    Returns
    -------
    findings : list of Finding
        In the order in which POV-Ray would come to them; each file is read once. What stands in
        POV-Ray's own library counts where the scene uses its name, or that of what is made of it.
    """
    files = _files(scene, folders, library=True)
    findings: list[Finding] = []
    used: set[str] | None = None
    for file in files:
        for rule, at in file.found:
            if file.is_library:
                used = _names_used(files) if used is None else used
                if not used & {name for name, a, b in _named(file.text) if a <= at < b}:
                    continue
            place = f"{file.path}:{file.text.count(chr(10), 0, at) + 1}"
            findings.append(Finding(rule.feature, place, rule.reason))
    return findings


def _files(scene: Path, folders: Sequence[Path], *, library: bool) -> list[_File]:
    """Return a scene's files, those that they include after them."""
    files: dict[Path, _File] = {}
    waiting = [scene]
    while waiting:
        path = waiting.pop(0)
        if path in files or (_is_library(path) and not library):
            continue
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        found = list(_look_through(text))
        files[path] = _File(path, text, [one for one in found if not isinstance(one, str)])
        for name in (one for one in found if isinstance(one, str)):
            places = (folder / name for folder in (path.parent, *folders))
            waiting += [place for place in places if place.is_file()][:1]
    return list(files.values())


def _is_library(path: Path) -> bool:
    return (path.parent / _OWN_LIBRARY).is_file()


def _named(text: str) -> list[tuple[str, int, int]]:
    """Return names that a file of the library declares, and where each of these parts lies."""
    starts = list(_DECLARED.finditer(text))
    ends = [found.start() for found in starts[1:]] + [len(text)]
    return [(found[1], found.start(), end) for found, end in zip(starts, ends, strict=True)]


def _names_used(files: Sequence[_File]) -> set[str]:
    """Return all words of the scene's own files, and of what these mean in the library."""
    meanings = {
        name: file.text[start:stop]
        for file in files
        if file.is_library
        for name, start, stop in _named(file.text)
    }
    used: set[str] = set()
    waiting = [file.text for file in files if not file.is_library]
    while waiting:
        new = set(_WORD.findall(waiting.pop())) - used
        used |= new
        waiting += [meanings[name] for name in new if name in meanings]
    return used


def _look_through(text: str) -> Iterator[str | tuple[_Rule, int]]:
    """Yield names of included files, and rules that apply with where they do."""
    if not _WORDS.search(text):  # most files, among them the large ones, which take a while
        yield from _INCLUDE.findall(text)
        return
    tokens = [found for found in _TOKEN.finditer(text) if found.lastgroup]
    around: list[str] = []
    word = ""
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if token["file"] is not None:
            yield token["file"]
        elif token["mark"] == "{":
            around.append(word)
        elif token["mark"] == "}":
            del around[-1:]
        elif token["word"]:
            word = token["word"]
            for rule in _RULES.get(word, ()):
                if _applies(rule, around, following):
                    yield rule, token.start()


def _applies(rule: _Rule, around: Sequence[str], following: re.Match[str] | None) -> bool:
    if rule.within and not set(rule.within).intersection(around):
        return False
    if rule.opens and (following is None or following["mark"] != "{"):
        return False
    number = following["number"] if following else None
    return rule.number(float(number) if number else None)
