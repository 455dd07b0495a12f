"""How requests come in, and words go out."""

from __future__ import annotations

import ctypes
import json
import os
import select
import sys
from collections import deque
from typing import Any


class Fault(Exception):
    """Why a request cannot be met, for people.

    `kind` is usage, host, file, render, or nothing: then it is Blender that has said why.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Wire:
    """Requests come in by it, and words go out."""

    def __init__(self) -> None:
        self._rest = b""
        self._requests: deque[tuple[int, Any]] = deque()
        self._told: dict[int, list[str]] = {}
        self._libc = ctypes.CDLL(None)

    def next(self) -> tuple[int, Any]:
        """Wait for a request; return its number and what it says."""
        while not self._requests:
            self._fill()
        return self._requests.popleft()

    def told(self, number: int) -> list[str]:
        """Return what has been said of a request since the last call, without waiting."""
        while select.select([0], [], [], 0)[0]:
            self._fill()
        return self._told.pop(number, [])

    def _fill(self) -> None:
        data = os.read(0, 1 << 16)
        if not data:
            os._exit(0)  # the rank is gone
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            number, _, words = line.decode().partition(" ")
            if words == "tell forget":
                self._requests = deque(r for r in self._requests if r[0] != int(number))
            elif words.startswith("tell "):
                self._told.setdefault(int(number), []).append(words[5:])
            else:
                self._requests.append((int(number), json.loads(words)))

    def say(self, *words: dict[str, Any], sign: str = "") -> None:
        """Say something in one piece, after all that Blender has said so far."""
        sys.stdout.flush()
        self._libc.fflush(None)
        lines = [f"@blender {json.dumps(word)}" for word in words] + ([sign] if sign else [])
        left = ("\n" + "\n".join(lines) + "\n").encode()
        while left:
            left = left[os.write(1, left) :]
