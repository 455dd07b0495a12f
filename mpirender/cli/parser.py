"""The argument parser of every command: it raises this program's own errors, and never exits."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from mpirender.errors import UsageError

__all__ = ["Answered", "Parser", "number", "positive", "whole_number"]


class Answered(Exception):
    """The parser has printed what was asked for, such as help."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError`, and `Answered` in place of an exit."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the parser's words."""
        hint = f"see {self.prog} --help"
        if unknown := re.search(r"unrecognized arguments: (-[A-Z]\S*)", message):
            hint = f"if {unknown[1]} is a switch of the renderer, put it after --"
        raise UsageError(message, hint=hint)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise Answered."""
        raise Answered


def positive(text: str) -> int:
    """Return a whole number from 1, or say what was expected."""
    return int(number(text, r"\d+", 1, "a whole number from 1"))


def whole_number(text: str) -> int:
    """Return a whole number from 0, or say what was expected."""
    return int(number(text, r"\d+", 0, "a whole number from 0"))


def number(text: str, pattern: str, least: float, expected: str) -> str:
    """Return a number as it was typed, or say what was expected."""
    if not re.fullmatch(pattern, text) or float(text) < least:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {expected}")
    return text
