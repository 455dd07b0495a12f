"""The argument parser of every command: it raises this program's own errors, and never exits."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from mpirender.errors import UsageError

__all__ = ["Answered", "Parser"]


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
