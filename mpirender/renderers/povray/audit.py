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

__all__ = ["audit"]

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|#\s*include\s*"(?P<file>[^"\n]*)"|"(?:\\.|[^"\\\n])*"'
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[{}])|(?P<number>\d*\.?\d+(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)
_OWN_LIBRARY = "rad_def.inc"  # a folder with this file is POV-Ray's own; its macros do no harm
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


_RULES: dict[str, tuple[_Rule, ...]] = {
    "radiosity": (_Rule((), "radiosity", "samples are taken where rays happen to go", opens=True),),
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
_INCLUDE = re.compile(r'#\s*include\s*"([^"\n]*)"')


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
        In the order in which POV-Ray would come to them; each file is read once.
    """
    findings: list[Finding] = []
    read: set[Path] = set()
    waiting = [scene]
    while waiting:
        path = waiting.pop(0)
        if path in read:
            continue
        read.add(path)
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        for found in _look_through(text):
            if isinstance(found, str):
                waiting += _find(found, [path.parent, *folders])
            else:
                rule, at = found
                place = f"{path}:{text.count(chr(10), 0, at) + 1}"
                findings.append(Finding(rule.feature, place, rule.reason))
    return findings


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


def _find(name: str, folders: Sequence[Path]) -> list[Path]:
    """Return the included file as a list of one; empty for POV-Ray's own and where it is not."""
    for folder in folders:
        path = folder / name
        if path.is_file():
            return [] if (path.parent / _OWN_LIBRARY).is_file() else [path]
    return []
