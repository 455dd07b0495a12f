"""Units of the quantities that travel through the program, and how people read them."""

from __future__ import annotations

from typing import TypeAlias

__all__ = [
    "Bytes",
    "Pixels",
    "Seconds",
    "format_bytes",
    "format_percent",
    "format_seconds",
    "plural",
]

Seconds: TypeAlias = float
Bytes: TypeAlias = int
Pixels: TypeAlias = int


def format_seconds(value: Seconds) -> str:
    """Return a duration as people say it.

    Parameters
    ----------
    value : float
        Seconds, >= 0.

    Returns
    -------
    text : str
        ``"0.42 s"``, ``"7.3 s"``, ``"4:05 min"`` or ``"2:04:05 h"``.
    """
    if value < 60:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} h" if hours else f"{minutes}:{seconds:02d} min"


def format_bytes(value: Bytes) -> str:
    """Return a number of bytes with a binary prefix.

    Parameters
    ----------
    value : int
        Bytes, >= 0.

    Returns
    -------
    text : str
        ``"812 B"``, ``"25.3 MiB"`` and so on.
    """
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_percent(fraction: float) -> str:
    """Return a fraction from 0 to 1 as whole percent.

    Parameters
    ----------
    fraction : float
        0 to 1; 1 is shown only when it is reached.

    Returns
    -------
    text : str
    """
    return "100 %" if fraction >= 1 else f"{min(99, int(fraction * 100))} %"


def plural(count: int, noun: str) -> str:
    """Return a number of things, as in ``1 task`` and ``2 tasks``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
